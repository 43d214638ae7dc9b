"""What deploy/check.py asks of deploy/kubernetes as kustomize renders it: that its parts find each other, and the program."""
import re
import tomllib

import yaml

SUFFIXES = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
# What one of several processes may need beside memory.budget while it catches up, as docs/sizing.md and TagwatchDown have it.
BESIDE_BUDGET = 1536 * 2**20
# The HTTP server closes after everything else has handed over.
CLOSE_SECONDS = 4


def size(text):
    number, suffix = re.fullmatch(r"(\d+)([A-Za-z]*)", str(text)).groups()
    return int(number) * SUFFIXES.get(suffix, 1)


def matches(selector, labels):
    return selector["matchLabels"].items() <= labels.items()


class Rendering:
    """One rendered folder. `fault` takes a sentence."""

    def __init__(self, path, top, fault):
        self.top = top
        self.say = lambda text: fault(f"{path.name}: {text}")
        self.all = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
        self.by_kind = {}
        for one in self.all:
            self.by_kind.setdefault(one["kind"], []).append(one)
        self.deployment = self.only("Deployment")
        self.pod = self.deployment["spec"]["template"]["spec"]
        self.labels = self.deployment["spec"]["template"]["metadata"]["labels"]
        self.main = self.pod["containers"][0]
        self.ports = {port["name"]: port["containerPort"] for port in self.main["ports"]}
        config = self.only("ConfigMap")
        self.config_name = config["metadata"]["name"]
        self.files = config["data"]
        self.config = tomllib.loads(self.files["tagwatch.toml"])

    def only(self, kind):
        found = self.by_kind.get(kind, [])
        if len(found) != 1:
            raise SystemExit(f"check.py: {len(found)} resources of kind {kind}, not one")
        return found[0]

    def volume(self, mount_path):
        """The volume that a file of the program lies in, and the path within."""
        for mount in self.main["volumeMounts"]:
            if mount_path.startswith(mount["mountPath"] + "/") or mount_path == mount["mountPath"]:
                volume = next((one for one in self.pod["volumes"] if one["name"] == mount["name"]), {})
                return volume, mount_path.removeprefix(mount["mountPath"]).lstrip("/")
        return {}, ""

    def check(self):
        self.check_names()
        self.check_pod()
        self.check_config()
        self.check_secrets()
        self.check_monitor()
        self.check_network()
        self.check_scale()

    def check_names(self):
        names = [(one["kind"], one["metadata"]["name"]) for one in self.all]
        for name in {name for name in names if names.count(name) > 1}:
            self.say(f"{name} twice")
        for namespace in {one["metadata"].get("namespace") for one in self.all} - {"tagwatch"}:
            self.say(f"a resource in namespace {namespace}")
        selectors = {
            "Deployment": self.deployment["spec"]["selector"],
            "Service": {"matchLabels": self.only("Service")["spec"]["selector"]},
            "PodDisruptionBudget": self.only("PodDisruptionBudget")["spec"]["selector"],
            "NetworkPolicy": self.only("NetworkPolicy")["spec"]["podSelector"],
            "PodMonitor": self.only("PodMonitor")["spec"]["selector"],
            **{f"spread over {one['topologyKey']}": one["labelSelector"] for one in self.pod["topologySpreadConstraints"]},
        }
        for what, selector in selectors.items():
            if not matches(selector, self.labels):
                self.say(f"{what}: selects {selector['matchLabels']}, the pods are {self.labels}")
        named = [port["targetPort"] for port in self.only("Service")["spec"]["ports"]]
        named += [self.main[probe]["httpGet"]["port"] for probe in ("livenessProbe", "readinessProbe")]
        named += [one["port"] for one in self.only("PodMonitor")["spec"]["podMetricsEndpoints"]]
        named += [port["port"] for rule in self.only("NetworkPolicy")["spec"]["ingress"] for port in rule["ports"]]
        for port in set(named) - self.ports.keys():
            self.say(f"no container port is named {port}")

    def check_pod(self):
        spec, context = self.deployment["spec"], self.pod["securityContext"]
        user = int(re.search(r"^USER (\d+)", (self.top / "deploy/Dockerfile").read_text(encoding="utf-8"), re.M)[1])
        if not context.get("runAsNonRoot") or context.get("runAsUser") != user:
            self.say(f"the pod must run as {user}, the Dockerfile's user, and never as root")
        version = tomllib.loads((self.top / "Cargo.toml").read_text(encoding="utf-8"))["package"]["version"]
        for container in [*self.pod.get("initContainers", []), *self.pod["containers"]]:
            own = container["securityContext"]
            if not own["readOnlyRootFilesystem"] or own["allowPrivilegeEscalation"] or own["capabilities"] != {"drop": ["ALL"]}:
                self.say(f"container {container['name']}: read-only root, no escalation, no capabilities")
            if not container["image"].endswith(f":{version}"):
                self.say(f"container {container['name']}: image {container['image']} is not of version {version}")
        source = (self.top / "src/app/several/mod.rs").read_text(encoding="utf-8")
        drain = int(re.search(r"DRAIN_MAX: Duration = Duration::from_secs\((\d+)\)", source)[1]) + CLOSE_SECONDS
        if self.pod["terminationGracePeriodSeconds"] <= drain:
            self.say(f"terminationGracePeriodSeconds must be above {drain}, which handing over may take")
        probes = {probe: self.main[probe]["httpGet"]["path"] for probe in ("livenessProbe", "readinessProbe")}
        if probes != {"livenessProbe": "/live", "readinessProbe": "/ready"}:
            self.say(f"probes ask {probes}")
        if spec["strategy"]["rollingUpdate"]["maxUnavailable"] != 0:
            self.say("an upgrade must not take a process away before the next one is ready")

    def check_config(self):
        budget, limit = size(self.config["memory"]["budget"]), size(self.main["resources"]["limits"]["memory"])
        if limit < budget + BESIDE_BUDGET:
            self.say(f"limit of memory {limit} is below memory.budget and {BESIDE_BUDGET}")
        if self.config.get("exchange") != "kafka":
            self.say('exchange must be "kafka": pods share nothing else')
        if int(self.config["http"]["listen"].rsplit(":", 1)[1]) not in self.ports.values():
            self.say("http.listen is no container port")
        for container in [*self.pod["initContainers"], self.main]:
            path = container["args"][container["args"].index("--config") + 1]
            mount = next(one for one in container["volumeMounts"] if path.startswith(one["mountPath"] + "/"))
            volume = next(one for one in self.pod["volumes"] if one["name"] == mount["name"])
            if volume.get("configMap", {}).get("name") != self.config_name or path.rsplit("/", 1)[1] not in self.files:
                self.say(f"container {container['name']}: {path} is not in the config map {self.config_name}")
        if "emptyDir" not in self.volume(self.config["state"]["dir"])[0]:
            self.say("state.dir must be a volume that can be written")

    def check_secrets(self):
        for section, key in (("http", "token_file"), ("privacy", "key_file")):
            volume, inside = self.volume(self.config[section][key])
            if inside not in {item["path"] for item in volume.get("secret", {}).get("items", [])}:
                self.say(f"{section}.{key} lies in no secret that is mounted")

    def check_monitor(self):
        spec = self.only("PodMonitor")["spec"]
        prometheus = yaml.safe_load((self.top / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8"))
        scrape = next(one for one in prometheus["scrape_configs"] if one["job_name"] == "tagwatch")
        if self.labels.get(spec["jobLabel"]) != scrape["job_name"]:
            self.say(f"PodMonitor: its job would be {self.labels.get(spec['jobLabel'])}, the rules look for {scrape['job_name']}")
        for key in ("sample_limit", "label_limit", "label_name_length_limit", "label_value_length_limit"):
            camel = re.sub(r"_(\w)", lambda found: found[1].upper(), key)
            if spec.get(camel) != scrape[key]:
                self.say(f"PodMonitor: {camel} must be {scrape[key]}, as in prometheus.yml")
        secret = next(one["secret"] for one in self.pod["volumes"] if "secret" in one)
        for endpoint in spec["podMetricsEndpoints"]:
            wanted = endpoint["authorization"]["credentials"]
            if wanted["name"] != secret["secretName"] or wanted["key"] not in {item["key"] for item in secret["items"]}:
                self.say(f"PodMonitor: secret {wanted['name']} has no {wanted['key']}")

    def check_network(self):
        allowed = {port["port"] for rule in self.only("NetworkPolicy")["spec"]["egress"] for port in rule["ports"]}
        for broker in self.config["kafka"]["brokers"].split(","):
            if int(broker.rsplit(":", 1)[1]) not in allowed:
                self.say(f"NetworkPolicy: {broker} cannot be reached")

    def check_scale(self):
        replicas, scaled = self.deployment["spec"].get("replicas"), self.by_kind.get("ScaledObject", [])
        if not scaled and (replicas or 1) < 2:
            self.say("several replicas are wanted")
        for one in scaled:
            spec = one["spec"]
            if replicas is not None:
                self.say("the Deployment must leave the number of replicas to KEDA")
            if spec["scaleTargetRef"]["name"] != self.deployment["metadata"]["name"]:
                self.say(f"ScaledObject: there is no Deployment {spec['scaleTargetRef']['name']}")
            if not 2 <= spec["minReplicaCount"] <= spec["maxReplicaCount"] <= self.config["track"]["shards"]:
                self.say("ScaledObject: 2 <= minReplicaCount <= maxReplicaCount <= track.shards")
            groups = self.only("PrometheusRule")["spec"]["groups"]
            records = {rule["record"] for group in groups for rule in group["rules"] if "record" in rule}
            for trigger in spec["triggers"]:
                unknown = set(re.findall(r"\w+(?::\w+)+", trigger["metadata"]["query"])) - records
                if trigger["type"] != "prometheus" or unknown or "threshold" not in trigger["metadata"]:
                    self.say(f"ScaledObject: a Prometheus query over recorded lag is wanted, not {trigger}")
