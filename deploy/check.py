#!/usr/bin/env python3
"""Checks what no single tool sees: that rules, dashboard, runbooks, compose file, Kubernetes and program agree.

    deploy/check.py                       the files alone
    deploy/check.py --kubernetes FILE...  also the folders of deploy/kubernetes; FILE is one as `kubectl kustomize` renders it
    deploy/check.py --metrics FILE...     also that every metric they name is one that the program shows; FILE is the
                                          text of /metrics, several where a series comes and goes
    deploy/check.py --prometheus URL      also that every query of the dashboard finds data in a running Prometheus
                                          that has scraped the demo, and that the demo's alert fired there

Needs Python 3.11 and PyYAML; uses promtool, where there is one, to parse the dashboard's queries. Says every fault and
exits 1, or prints one line and exits 0.
"""
import argparse
import itertools
import json
import math
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.parse
import urllib.request
from pathlib import Path

import yaml

sys.dont_write_bytecode = True
from check_kubernetes import Rendering  # noqa: E402  (leaves no folder beside it)

TOP = Path(__file__).resolve().parent.parent
DEPLOY = TOP / "deploy"
DASHBOARD = DEPLOY / "grafana/dashboards/tagwatch.json"
RUNBOOK_URL = "https://github.com/tagwatch/tagwatch/blob/main/deploy/runbooks/"
RUNBOOK_PARTS = ["## First", "## Likely causes", "## Mend", "## Escalate"]
# The dashboard's variables, as a query of a demo would have them.
VARIABLES = {
    "$__rate_interval": "1m", "${__rate_interval}": "1m", "$job": ".+", "$instance": ".+", "$hashtag": ".+", "$window": "1h",
}
# Panels that rightly show nothing while all is well, as in the demo.
EMPTY_IN_DEMO = {"Rejected posts"}
METRIC = re.compile(r"(?<![\w:$])(tagwatch_[a-z0-9_]+)\b(?!:)")

faults = []


def fault(text):
    faults.append(text)


def load(path):
    return yaml.safe_load((TOP / path).read_text(encoding="utf-8"))


def rules(path):
    return [rule for group in load(path)["groups"] for rule in group["rules"]]


def check_alerts():
    """Every alert: named, rated, explained, with a runbook, and tested both ways."""
    alerts = [rule for rule in rules("deploy/prometheus/alerts.rules.yml") if "alert" in rule]
    tests = load("deploy/prometheus/tests.yml")["tests"]
    cases = [case for test in tests for case in test.get("alert_rule_test", [])]
    for alert in alerts:
        name = alert["alert"]
        if not re.fullmatch(r"Tagwatch([A-Z][a-z]+)+", name):
            fault(f"alert {name}: must be CamelCase and begin with Tagwatch")
        if alert.get("labels", {}).get("severity") not in ("page", "ticket"):
            fault(f"alert {name}: severity must be page or ticket")
        for key in ("summary", "description", "runbook_url"):
            if not alert.get("annotations", {}).get(key):
                fault(f"alert {name}: annotation {key} is missing")
        if alert["annotations"].get("runbook_url") != f"{RUNBOOK_URL}{name}.md":
            fault(f"alert {name}: runbook_url must be {RUNBOOK_URL}{name}.md")
        check_runbook(name)
        mine = [case["exp_alerts"] for case in cases if case["alertname"] == name]
        if not any(mine):
            fault(f"alert {name}: tests.yml has no case in which it fires")
        # A test that names one firing series among silent ones shows silence too.
        if all(mine) and not silent_series(name, tests):
            fault(f"alert {name}: tests.yml has no case in which it is silent")
    names = {alert["alert"] for alert in alerts}
    for path in (DEPLOY / "runbooks").glob("Tagwatch*.md"):
        if path.stem not in names:
            fault(f"{path.relative_to(TOP)}: no alert has this name")


def silent_series(name, tests):
    """Whether a test of the alert feeds more instances or jobs than it expects to fire."""
    for test in tests:
        for case in test.get("alert_rule_test", []):
            if case["alertname"] == name:
                series = " ".join(series["series"] for series in test["input_series"])
                fed = set(re.findall(r'(?:instance|topic|partition)="[^"]+"', series))
                firing = {f'{k}="{v}"' for alert in case["exp_alerts"] for k, v in alert["exp_labels"].items()}
                if fed - firing:
                    return True
    return False


def check_runbook(name):
    path = DEPLOY / "runbooks" / f"{name}.md"
    if not path.is_file():
        fault(f"alert {name}: deploy/runbooks/{name}.md is missing")
        return
    text = path.read_text(encoding="utf-8")
    if not text.startswith(f"# {name}\n"):
        fault(f"deploy/runbooks/{name}.md: must begin with '# {name}'")
    at = [text.find(f"\n{part}") for part in RUNBOOK_PARTS]
    if -1 in at or at != sorted(at):
        fault(f"deploy/runbooks/{name}.md: must have {', '.join(RUNBOOK_PARTS)} in this order")
        return
    first = text[at[0] : at[1]]
    if len(re.findall(r"^\d\. ", first, re.M)) != 3 or first.count("```") < 6:
        fault(f"deploy/runbooks/{name}.md: 'First' must be three numbered commands, each in a block of its own")
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        if not (path.parent / link).exists():
            fault(f"deploy/runbooks/{name}.md: link to {link} leads nowhere")


def panels(dashboard):
    """All panels, those folded into rows too."""
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


def queries(dashboard):
    """(title, query as Prometheus would get it) of every panel."""
    for panel in panels(dashboard):
        for target in panel.get("targets", []):
            expr = target["expr"]
            for variable in sorted(VARIABLES, key=len, reverse=True):
                expr = expr.replace(variable, VARIABLES[variable])
            yield panel["title"], expr


def check_dashboard(dashboard):
    """What Grafana's dashboard linter asks for, and what its type does not: unique ids, no overlap, one data source."""
    wanted = {"id": None, "uid": "tagwatch", "schemaVersion": 39, "graphTooltip": 1, "timezone": "utc", "editable": True}
    for key, value in wanted.items():
        if dashboard.get(key, "absent") != value:
            fault(f"dashboard: {key} must be {value!r}")
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    if variables.get("datasource", {}).get("type") != "datasource" or not {"job", "instance"} <= variables.keys():
        fault("dashboard: variables datasource, job and instance are needed")
    ids = [panel["id"] for panel in panels(dashboard)]
    for one in {one for one in ids if ids.count(one) > 1}:
        fault(f"dashboard: two panels have the id {one}")
    for a, b in itertools.combinations(dashboard["panels"], 2):
        if overlap(a["gridPos"], b["gridPos"]):
            fault(f"dashboard: panels {a['title']!r} and {b['title']!r} overlap")
    for panel in panels(dashboard):
        if panel["type"] != "row":
            check_panel(panel, variables)


def overlap(a, b):
    return all(a[p] < b[p] + b[s] and b[p] < a[p] + a[s] for p, s in (("x", "w"), ("y", "h")))


def check_panel(panel, variables):
    say = lambda text: fault(f"dashboard, panel {panel['title']!r}: {text}")
    if panel["gridPos"]["x"] + panel["gridPos"]["w"] > 24:
        say("reaches past the right edge")
    if not panel.get("description"):
        say("needs a description")
    if not panel.get("fieldConfig", {}).get("defaults", {}).get("unit"):
        say("needs a unit")
    targets = panel.get("targets", [])
    if not targets or len({target["refId"] for target in targets}) != len(targets):
        say("needs queries with different refIds")
    for part in [panel, *targets]:
        if part.get("datasource") != {"type": "prometheus", "uid": "${datasource}"}:
            say("must take its data source from ${datasource}")
    for target in targets:
        expr = target["expr"]
        for name in set(re.findall(r"\$\{?(\w+)", expr)) - {"__rate_interval"} - variables.keys():
            say(f"variable ${name} does not exist")
        for function, span in re.findall(r"\b(rate|irate)\([^\[\]]*\[([^\]]+)\]", expr):
            if span != "$__rate_interval":
                say(f"{function} over {span}; use $__rate_interval")
        for metric, selector in re.findall(r"(?<![\w:])((?:tagwatch|process)_\w+|up)\b(\{[^}]*\})?", expr):
            if ":" not in metric and not {'job=~"$job"', 'instance=~"$instance"'} <= set(re.split(r"[{},]\s*", selector)):
                say(f'{metric} must be selected by job=~"$job" and instance=~"$instance"')
    for link in panel.get("links", []):
        if link["url"].startswith(RUNBOOK_URL) and not (DEPLOY / "runbooks" / link["url"].removeprefix(RUNBOOK_URL)).is_file():
            say(f"link to {link['url']} leads to no runbook")


def check_promql(dashboard):
    """Has promtool parse the dashboard's queries, as recording rules."""
    if not shutil.which("promtool"):
        print("check.py: promtool is not installed; the dashboard's queries are not parsed", file=sys.stderr)
        return
    every = [{"record": f"query_{n}", "expr": expr} for n, (_, expr) in enumerate(queries(dashboard))]
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        yaml.safe_dump({"groups": [{"name": "dashboard", "rules": every}]}, file)
        file.flush()
        done = subprocess.run(["promtool", "check", "rules", file.name], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        fault(f"dashboard: promtool refuses a query:\n{done.stdout}{done.stderr}")


def check_compose():
    """Everything that the compose file and the configs it mounts point to exists."""
    compose = load("docker-compose.yml")
    services = compose["services"]
    for name, service in services.items():
        say = lambda text, name=name: fault(f"docker-compose.yml, service {name}: {text}")
        for other in service.get("depends_on", {}):
            if other not in services:
                say(f"depends on {other}, which does not exist")
        if not re.search(r":v?\d+\.\d+", service.get("image", "")):
            say("image must be pinned to a version")
        if "build" in service and not (TOP / service["build"]["dockerfile"]).is_file():
            say(f"{service['build']['dockerfile']} does not exist")
        for port in service.get("ports", []):
            if not port.startswith("127.0.0.1:"):
                say(f"port {port} is not bound to 127.0.0.1")
        for secret in service.get("secrets", []):
            if secret not in compose.get("secrets", {}):
                say(f"secret {secret} is not declared")
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                if not (TOP / source).exists():
                    say(f"{source} does not exist")
            elif source not in compose.get("volumes", {}):
                say(f"volume {source} is not declared")
    check_hosts(services)
    check_processes(services)
    token = (DEPLOY / "compose/http-token").read_text(encoding="ascii").strip()
    if len(token) < 16 or not token.isprintable() or " " in token:
        fault("deploy/compose/http-token: at least 16 printable characters")


def check_processes(services):
    """Several processes share one config and one key, and Prometheus asks each."""
    toml = tomllib.loads((DEPLOY / "compose/tagwatch.toml").read_text(encoding="utf-8"))
    processes = {name for name, service in services.items() if service.get("command", [])[:1] == ["run"]}
    if len(processes) > 1 and toml.get("exchange") != "kafka":
        fault("deploy/compose/tagwatch.toml: several processes need exchange = \"kafka\"")
    for name in processes:
        for section, key in (("http", "token_file"), ("privacy", "key_file")):
            if toml[section][key].removeprefix("/run/secrets/") not in services[name]["secrets"]:
                fault(f"docker-compose.yml, service {name}: {section}.{key} is no secret of it")
    scrapes = load("deploy/prometheus/prometheus.yml")["scrape_configs"]
    port = toml["http"]["listen"].rsplit(":", 1)[1]
    targets = {target for one in scrapes if one["job_name"] == "tagwatch" for static in one["static_configs"] for target in static["targets"]}
    if targets != {f"{name}:{port}" for name in processes}:
        fault(f"prometheus.yml: scrapes {sorted(targets)}, docker-compose.yml runs {sorted(processes)}")
    if not re.fullmatch(r"[0-9a-f]{32}\n", (DEPLOY / "compose/sketch-key").read_text(encoding="ascii")):
        fault("deploy/compose/sketch-key: 32 hex digits and a newline")


def check_hosts(services):
    """Hosts that mounted configs name are services; rule files and the dashboards' folder are where they are looked for."""
    prometheus = load("deploy/prometheus/prometheus.yml")
    addresses = [address for config in prometheus["scrape_configs"] for static in config["static_configs"] for address in static["targets"]]
    addresses += [a for am in prometheus["alerting"]["alertmanagers"] for static in am["static_configs"] for a in static["targets"]]
    sources = load("deploy/grafana/provisioning/datasources/prometheus.yml")["datasources"]
    addresses += [urllib.parse.urlsplit(source["url"]).netloc for source in sources]
    toml = tomllib.loads((DEPLOY / "compose/tagwatch.toml").read_text(encoding="utf-8"))
    addresses += toml["kafka"]["brokers"].split(",")
    for address in addresses:
        host = address.rsplit(":", 1)[0]
        if host not in services and host != "127.0.0.1":
            fault(f"{address}: docker-compose.yml has no service {host}")
    for name in prometheus["rule_files"]:
        if not (DEPLOY / "prometheus" / name).is_file():
            fault(f"prometheus.yml: rule file {name} does not exist")
    folders = [volume.split(":")[1] for volume in services["grafana"]["volumes"]]
    for provider in load("deploy/grafana/provisioning/dashboards/tagwatch.yml")["providers"]:
        if provider["options"]["path"] not in folders:
            fault(f"Grafana looks for dashboards in {provider['options']['path']}, where docker-compose.yml mounts nothing")


def flat(table, prefix=""):
    for key, value in table.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        yield f"{prefix}{key}"


def check_config_keys():
    """Config keys in deploy/, as TOML or as environment, are keys of config/tagwatch.toml."""
    path = TOP / "config/tagwatch.toml"
    if not path.is_file():
        fault("config/tagwatch.toml does not exist")
        return
    known = set(flat(tomllib.loads(path.read_text(encoding="utf-8"))))
    configs = ("deploy/compose/tagwatch.toml", "deploy/kubernetes/base/tagwatch.toml")
    used = {key: name for name in configs for key in flat(tomllib.loads((TOP / name).read_text(encoding="utf-8")))}
    for name in ("deploy/Dockerfile", "deploy/systemd/tagwatch.service", "docker-compose.yml"):
        for variable in re.findall(r"\bTAGWATCH_([A-Z_]+__[A-Z_]+)\b", (TOP / name).read_text(encoding="utf-8")):
            used[variable.lower().replace("__", ".")] = name
    for runbook in (DEPLOY / "runbooks").glob("*.md"):
        for key in re.findall(r"`((?:detect|http|kafka|limits|memory|metrics|privacy|state|time|track|windows)\.[a-z_]+)`", runbook.read_text(encoding="utf-8")):
            used[key] = str(runbook.relative_to(TOP))
    for key, where in used.items():
        if key not in known and not key.startswith("kafka.client."):
            fault(f"{where}: config/tagwatch.toml has no key {key}")


def named_metrics():
    """Metric: a file that names it."""
    named = {}
    files = [*DEPLOY.glob("prometheus/*.yml"), *DEPLOY.glob("grafana/dashboards/*.json"), *DEPLOY.glob("runbooks/*.md")]
    for path in files:
        for metric in METRIC.findall(path.read_text(encoding="utf-8")):
            named.setdefault(metric, str(path.relative_to(TOP)))
    return named


def check_metrics(paths):
    """Every metric that deploy/ names is shown by the program. Says which are shown and named nowhere."""
    shown = set()
    for path in paths:
        text = Path(path).read_text(encoding="utf-8")
        shown |= set(re.findall(r"^# TYPE (\S+)", text, re.M)) | set(re.findall(r"^(\w+)[{ ]", text, re.M))
    named = named_metrics()
    for metric in sorted(named.keys() - shown):
        # A runbook may grep for several by what their names begin with.
        if not (named[metric].endswith(".md") and any(one.startswith(metric) for one in shown)):
            fault(f"{named[metric]} names {metric}, which the program does not show")
    unnamed = sorted(metric for metric in shown - named.keys() if metric.startswith("tagwatch_"))
    if unnamed:
        print(f"check.py: shown but in no rule, dashboard or runbook: {', '.join(unnamed)}", file=sys.stderr)


def ask(url, path, **parameters):
    with urllib.request.urlopen(f"{url}{path}?{urllib.parse.urlencode(parameters)}", timeout=10) as answer:
        return json.load(answer)["data"]["result"]


def check_live(url, dashboard):
    """Every query of the dashboard found a number in the last ten minutes, and the alert of the demo's story fired."""
    now = time.time()
    for title, expr in queries(dashboard):
        series = ask(url, "/api/v1/query_range", query=expr, start=now - 600, end=now, step=2)
        numbers = [float(value) for one in series for _, value in one["values"]]
        if title not in EMPTY_IN_DEMO and not any(math.isfinite(number) for number in numbers):
            fault(f"dashboard, panel {title!r}: no data for {expr}")
    fired = ask(url, "/api/v1/query", query='max by (alertname) (max_over_time(ALERTS{alertstate="firing"}[10m]))')
    names = {one["metric"]["alertname"] for one in fired}
    if "TagwatchCoordinatedBurst" not in names:
        fault("the demo's story did not make TagwatchCoordinatedBurst fire")
    print(f"check.py: fired in Prometheus: {', '.join(sorted(names)) or 'none'}", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kubernetes", nargs="+", metavar="FILE", default=[])
    parser.add_argument("--metrics", nargs="+", metavar="FILE", default=[])
    parser.add_argument("--prometheus", metavar="URL")
    arguments = parser.parse_args()
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    check_alerts()
    check_dashboard(dashboard)
    check_promql(dashboard)
    check_compose()
    check_config_keys()
    for path in arguments.kubernetes:
        Rendering(Path(path), TOP, fault).check()
    if arguments.metrics:
        check_metrics(arguments.metrics)
    if arguments.prometheus:
        check_live(arguments.prometheus.rstrip("/"), dashboard)
    for text in faults:
        print(f"check.py: {text}", file=sys.stderr)
    if faults:
        sys.exit(1)
    print("check.py: rules, dashboard, runbooks, compose file, Kubernetes and config agree")


if __name__ == "__main__":
    main()
