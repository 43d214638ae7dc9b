//! What each scenario promises of its composition.

/// What a scenario promises: each value lies between the two.
pub struct Promise {
    pub name: &'static str,
    /// Only the posts that the scenario calls coordinated.
    pub pushed: bool,
    pub posts: (usize, usize),
    pub per_account: (f64, f64),
    pub top: (f64, f64),
    pub evenness: (f64, f64),
    pub reposts: (f64, f64),
    pub talking: (f64, f64),
    pub alone: (f64, f64),
    pub repeated: (f64, f64),
}

impl Promise {
    /// Ordinary people, as organic bursts of real posts measure: 1.2 to 2.5 posts an account, evenness 0.2 to 0.85.
    const PEOPLE: Promise = Promise {
        name: "",
        pushed: false,
        posts: (0, 0),
        per_account: (1.2, 2.0),
        top: (0.12, 0.28),
        evenness: (0.4, 0.85),
        reposts: (0.2, 0.55),
        talking: (0.2, 0.6),
        alone: (0.3, 0.6),
        repeated: (0.0, 0.2),
    };
    /// Pushes, as the pushes of real posts measure: 3 to 50 posts an account, evenness 0.45 to 0.9, hardly a mention.
    const PUSH: Promise = Promise {
        pushed: true,
        per_account: (7.0, 25.0),
        top: (0.05, 0.2),
        evenness: (0.6, 1.0),
        reposts: (0.0, 0.5),
        talking: (0.0, 0.1),
        alone: (0.7, 1.0),
        repeated: (0.05, 0.4),
        ..Promise::PEOPLE
    };
}

const fn people(name: &'static str, posts: (usize, usize)) -> Promise {
    Promise { name, posts, ..Promise::PEOPLE }
}

const fn push(name: &'static str, posts: (usize, usize)) -> Promise {
    Promise { name, posts, ..Promise::PUSH }
}

/// All promises; a scenario can make one as a whole and one about its pushed posts.
pub const PROMISES: &[Promise] = &[
    people("goal", (9_000, 14_000)),
    people("election", (20_000, 27_000)),
    Promise {
        per_account: (3.0, 10.0),
        evenness: (0.3, 0.5),
        alone: (0.05, 0.2),
        repeated: (0.35, 0.55),
        ..people("fandom", (11_000, 16_000))
    },
    Promise { reposts: (0.7, 0.78), ..people("breaking", (12_000, 17_000)) },
    Promise {
        per_account: (3.0, 6.0),
        top: (0.3, 0.55),
        evenness: (0.05, 0.3),
        ..people("conference", (1_300, 2_000))
    },
    Promise { repeated: (0.55, 0.8), ..people("copypasta", (2_700, 3_900)) },
    Promise { repeated: (0.2, 0.4), ..people("boycott", (9_500, 13_500)) },
    Promise {
        pushed: false,
        per_account: (60.0, 85.0),
        evenness: (0.99, 1.0),
        repeated: (0.6, 0.9),
        ..push("feed", (1_500, 2_000))
    },
    Promise {
        reposts: (0.4, 0.6),
        talking: (0.3, 0.6),
        alone: (0.05, 0.25),
        repeated: (0.6, 0.85),
        ..push("giveaway", (2_200, 3_000))
    },
    Promise {
        per_account: (1.0, 1.1),
        top: (0.05, 0.15),
        evenness: (0.9, 1.0),
        reposts: (0.9, 0.96),
        talking: (0.0, 0.15),
        alone: (0.6, 0.8),
        ..people("viral", (12_000, 16_000))
    },
    Promise {
        per_account: (2.5, 3.0),
        top: (0.38, 0.46),
        evenness: (0.05, 0.2),
        reposts: (0.68, 0.76),
        talking: (0.1, 0.25),
        alone: (0.65, 0.8),
        repeated: (0.2, 0.4),
        ..people("leaks", (50_000, 62_000))
    },
    Promise { per_account: (1.9, 2.4), top: (0.28, 0.4), evenness: (0.15, 0.4), ..people("swarm", (37_000, 43_000)) },
    push("swarm", (9_300, 10_700)),
    push("push", (440, 660)),
    Promise { per_account: (1.0, 1.0), reposts: (0.0, 0.0), repeated: (0.0, 0.02), ..push("ephemeral", (900, 1_100)) },
    push("slow", (400, 560)),
    push("joined-1", (780, 1_020)),
    push("joined-3", (780, 1_020)),
    push("joined-10", (780, 1_020)),
    push("campaign", (380, 580)),
    people("riding", (14_500, 19_000)),
    Promise { alone: (0.3, 0.5), ..push("riding", (1_700, 2_500)) },
    Promise { top: (0.15, 0.25), ..people("single-jittered", (3_000, 4_100)) },
];
