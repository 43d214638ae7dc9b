//! The document against what is served.

use std::collections::BTreeSet;

use serde_json::Value;

use super::document;
use crate::decide::line::{AlertLine, Signal};
use crate::report::http::API_ROUTES;

fn json() -> Value {
    serde_json::to_value(document()).unwrap()
}

fn keys(value: &Value) -> BTreeSet<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn every_route_for_programs_is_listed_and_no_other() {
    let routes = API_ROUTES.iter().map(|(path, _)| (*path).to_owned()).collect();
    assert_eq!(keys(&json()["paths"]), routes);
}

#[test]
fn every_reference_resolves() {
    fn walk(value: &Value, document: &Value) {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
        let children: Vec<&Value> = match value {
            Value::Object(map) => map.values().collect(),
            Value::Array(list) => list.iter().collect(),
            _ => Vec::new(),
        };
        children.into_iter().for_each(|child| walk(child, document));
    }
    let document = json();
    assert!(document["components"]["schemas"]["AlertLine"].is_object());
    walk(&document, &document);
}

#[test]
fn the_schema_of_the_alert_line_has_its_keys() {
    let signal = r#"{"name":"","family":"","value":null,"low":null,"high":null,"baseline":null,"contribution":0,"available":false}"#;
    let counts = r#"{"posts":0,"reposts":0,"accounts":0,"accounts_low":0,"accounts_high":0}"#;
    let left =
        r#"{"posts":0,"posts_low":0,"posts_high":0,"reposts":0,"accounts":0,"accounts_low":0,"accounts_high":0}"#;
    let line = format!(
        r#"{{"tick":1,"n":0,"alert_id":"","kind":"organic_burst","state":"pending","severity":"info","hashtag":"",
        "display":"","at":"","onset":"","degraded":false,"warming":false,"suppressed":false,"burst":0,"coordination":0,
        "windows":{{"1m":{counts},"5m":{counts},"1h":{counts},"24h":{counts}}},"adjusted":
        {{"windows":{{"1m":{left},"5m":{left},"1h":{left},"24h":{left}}},"burst":0,"coordination":0}},"signals":[{signal}],"evidence":
        {{"view":"","window":"","expected_posts":0,"baseline":"","top_accounts":[],"top_texts":[],"top_links":[],
        "top_reposts":[],"first_post":null,"watched_since":"","basis":[["feed_client_share",1.0]]}},"explanation":"","config_version":"",
        "campaign":"","members":["a"]}}"#
    );
    let line: AlertLine = serde_json::from_str(&line).unwrap();
    let served = serde_json::to_value(&line).unwrap();
    let signal: &Signal = &line.signals[0];
    let pairs = [
        ("AlertLine", served.clone()),
        ("Windows", served["windows"].clone()),
        ("Counts", served["windows"]["1m"].clone()),
        ("Adjusted", served["adjusted"].clone()),
        ("AdjustedWindows", served["adjusted"]["windows"].clone()),
        ("AdjustedCounts", served["adjusted"]["windows"]["1m"].clone()),
        ("Evidence", served["evidence"].clone()),
        ("Signal", serde_json::to_value(signal).unwrap()),
    ];
    let document = json();
    for (name, value) in pairs {
        let schema = &document["components"]["schemas"][name]["properties"];
        assert_eq!(keys(schema), keys(&value), "{name}");
    }
}
