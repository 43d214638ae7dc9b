//! Text that looks like posts: random sentences over everyday words of nine languages. It means nothing and names nobody;
//! what matters to detection is only how often two texts are equal.

use super::random::Random;

/// A language that posts are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lang {
    En,
    Fr,
    Es,
    De,
    Pt,
    Tr,
    El,
    Ar,
    Ja,
}

/// The mix of an international stream.
pub(crate) const WORLD: &[Lang] = &[
    Lang::En,
    Lang::En,
    Lang::En,
    Lang::En,
    Lang::En,
    Lang::Ja,
    Lang::Ja,
    Lang::Es,
    Lang::Es,
    Lang::Fr,
    Lang::Fr,
    Lang::Pt,
    Lang::Ar,
    Lang::De,
    Lang::Tr,
    Lang::El,
];

const EMOJI: [&str; 12] = ["😂", "🔥", "❤️", "🙏", "👏", "😭", "👀", "🎉", "🤔", "💪", "☕", "🌧️"];

const EN: &str = "the a this that my our your what why when who never always still again today tomorrow morning night train \
 bus street rain sun coffee bread music song book film game team ball house door window garden river bridge market school \
 city village people friend neighbour sister someone everyone nobody time day week year work news story idea question answer \
 think know see hear want need find make take give tell like love miss wait walk run read write sing cook really just only \
 even maybe almost finally quietly good bad new old small big strange funny lovely tired happy hungry late early";
const FR: &str = "le la ce cette mon notre votre pourquoi quand qui jamais toujours encore aujourd’hui demain matin soir train \
 rue pluie soleil café pain musique chanson livre été forêt élève équipe maison porte fenêtre jardin rivière pont marché école \
 ville gens ami voisin sœur quelqu’un personne temps journée semaine année travail nouvelle histoire idée question réponse \
 penser savoir voir entendre vouloir trouver faire prendre donner dire aimer attendre marcher lire écrire vraiment seulement \
 même peut-être presque enfin bon mauvais neuf vieux petit grand étrange drôle fatigué heureux";
const ES: &str = "el la este esa mi nuestro por qué cuándo quién nunca siempre todavía hoy mañana noche tren calle lluvia sol \
 café pan música canción libro película juego equipo casa puerta ventana jardín río puente mercado escuela ciudad pueblo gente \
 amigo vecina hermana alguien nadie tiempo día semana año trabajo noticia historia idea pregunta respuesta pensar saber ver \
 oír querer encontrar hacer tomar dar decir esperar caminar leer escribir de verdad sólo tal vez casi por fin bueno malo nuevo \
 viejo pequeño grande extraño divertido cansado feliz";
const DE: &str = "der die das mein unser euer warum wann wer nie immer noch heute morgen abend nacht zug straße regen sonne \
 kaffee brot musik lied buch film spiel mannschaft haus tür fenster garten fluss brücke markt schule stadt dorf leute freund \
 nachbarin schwester jemand niemand zeit tag woche jahr arbeit nachricht geschichte idee frage antwort denken wissen sehen hören \
 wollen finden machen nehmen geben sagen warten gehen lesen schreiben wirklich nur sogar vielleicht fast endlich gut schlecht \
 neu alt klein groß seltsam lustig müde glücklich";
const PT: &str = "o a este essa meu nosso por que quando quem nunca sempre ainda hoje amanhã manhã noite trem rua chuva sol \
 café pão música canção livro filme jogo equipe casa porta janela jardim rio ponte mercado escola cidade gente amigo vizinha \
 irmã alguém ninguém tempo dia semana ano trabalho notícia história ideia pergunta resposta pensar saber ver ouvir querer achar \
 fazer pegar dar dizer esperar andar ler escrever mesmo só talvez quase enfim bom ruim novo velho pequeno grande estranho \
 engraçado cansado feliz";
const TR: &str = "bu şu benim bizim neden kim hiç her zaman hâlâ bugün yarın sabah akşam gece tren sokak yağmur güneş kahve \
 ekmek müzik şarkı kitap oyun takım ev kapı pencere bahçe nehir köprü pazar okul şehir köy insanlar arkadaş komşu kardeş \
 biri kimse gün hafta yıl iş haber hikâye fikir soru cevap düşünmek bilmek görmek duymak istemek bulmak yapmak almak vermek \
 söylemek beklemek yürümek okumak yazmak gerçekten sadece belki neredeyse sonunda iyi kötü yeni eski küçük büyük garip komik";
const EL: &str = "ο η το αυτό μου μας γιατί πότε ποιος ποτέ πάντα ακόμα σήμερα αύριο πρωί βράδυ τρένο δρόμος βροχή ήλιος καφές \
 ψωμί μουσική τραγούδι βιβλίο ταινία παιχνίδι ομάδα σπίτι πόρτα παράθυρο κήπος ποτάμι γέφυρα αγορά σχολείο πόλη χωριό κόσμος \
 φίλος γείτονας αδελφή κάποιος κανείς χρόνος μέρα εβδομάδα δουλειά είδηση ιστορία ιδέα ερώτηση απάντηση σκέφτομαι ξέρω βλέπω \
 ακούω θέλω βρίσκω κάνω παίρνω δίνω λέω περιμένω περπατώ διαβάζω γράφω αλήθεια μόνο ίσως σχεδόν επιτέλους καλό κακό νέο παλιό";
const AR: &str = "هذا هذه لماذا متى من أبدا دائما ما زال اليوم غدا صباح مساء ليل قطار شارع مطر شمس قهوة خبز موسيقى أغنية كتاب فيلم \
 لعبة فريق بيت باب نافذة حديقة نهر جسر سوق مدرسة مدينة قرية ناس صديق جار أخت أحد وقت يوم أسبوع سنة عمل خبر قصة فكرة سؤال جواب \
 أفكر أعرف أرى أسمع أريد أجد أفعل آخذ أعطي أقول أنتظر أمشي أقرأ أكتب حقا فقط ربما تقريبا أخيرا جيد سيئ جديد قديم صغير كبير غريب";
const JA: &str = "今日は 明日も 朝から 夜まで 電車が 道で 雨の 晴れた コーヒー パンを 音楽が 歌を 本を 映画の 試合は チームが 家で 窓の \
 庭に 川沿い 橋の上 市場で 学校の 町は みんな 友だちと 隣の人 妹が 誰かが 時間が 一週間 一年間 仕事の ニュースを 話を 質問に \
 答えが 考える 知ってる 見えた 聞こえた 欲しい 見つけた 作った もらった 待ってる 歩いた 読んだ 書いた 本当に たぶん やっと \
 よかった 新しい 古い 小さな 大きな 不思議な 楽しい 眠い うれしい";

impl Lang {
    /// The language tag that a post carries.
    pub fn tag(self) -> &'static str {
        match self {
            Lang::En => "en",
            Lang::Fr => "fr",
            Lang::Es => "es",
            Lang::De => "de",
            Lang::Pt => "pt",
            Lang::Tr => "tr",
            Lang::El => "el",
            Lang::Ar => "ar",
            Lang::Ja => "ja",
        }
    }

    fn list(self) -> &'static str {
        match self {
            Lang::En => EN,
            Lang::Fr => FR,
            Lang::Es => ES,
            Lang::De => DE,
            Lang::Pt => PT,
            Lang::Tr => TR,
            Lang::El => EL,
            Lang::Ar => AR,
            Lang::Ja => JA,
        }
    }
}

/// The word lists, split once.
pub(crate) struct Words([Vec<&'static str>; 9]);

impl Words {
    pub fn new() -> Words {
        use Lang::{Ar, De, El, En, Es, Fr, Ja, Pt, Tr};
        Words([En, Fr, Es, De, Pt, Tr, El, Ar, Ja].map(|lang| lang.list().split_whitespace().collect()))
    }

    /// Appends `min..=max` words.
    pub fn sentence(&self, random: &mut Random, lang: Lang, min: u64, max: u64, out: &mut String) {
        let list = &self.0[lang as usize];
        for i in 0..min + random.below(max - min + 1) {
            if i > 0 && lang != Lang::Ja {
                out.push(' ');
            }
            out.push_str(random.choose(list));
        }
    }

    /// A whole text: a sentence, sometimes two, some punctuation, some emoji, now and then a quote or a line break.
    pub fn text(&self, random: &mut Random, lang: Lang, out: &mut String) {
        self.sentence(random, lang, 5, 12, out);
        match random.below(16) {
            0 => out.push('?'),
            1 | 2 => out.push('!'),
            3 => {
                out.push_str(": \"");
                self.sentence(random, lang, 2, 5, out);
                out.push('"');
            }
            4 => {
                out.push('\n');
                self.sentence(random, lang, 3, 8, out);
            }
            5..=8 => {
                out.push_str(". ");
                self.sentence(random, lang, 3, 9, out);
            }
            _ => {}
        }
        if random.chance(0.2) {
            out.push(' ');
            out.push_str(random.choose(&EMOJI));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_words_and_texts_rarely_repeat() {
        let words = Words::new();
        assert!(words.0.iter().all(|list| list.len() >= 50), "{:?}", words.0.iter().map(Vec::len).collect::<Vec<_>>());
        let mut random = Random::new(1, 0);
        let mut texts: Vec<String> = (0..2000)
            .map(|_| {
                let (mut text, lang) = (String::new(), random.choose(WORLD));
                words.text(&mut random, lang, &mut text);
                text
            })
            .collect();
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), 2000);
    }
}
