#!/usr/bin/env python3
"""Kills `consona run` at random moments and looks whether anything was lost or paid for twice.

    cargo build --release
    python3 tests/campaign/kill.py --server ../shared/tools/faulty_llm_server.py          # half a minute
    python3 tests/campaign/kill.py --server ../shared/tools/faulty_llm_server.py --full   # 2,000 x 3, 200 kills

Python 3.9, standard library only; binds loopback only. What is done, in this order:

  ledger       a run among refusals, overload and spoilt replies, all of which say what they cost: the run database
               and the server count the same tokens.
  reference    a run that nobody interrupts, among the same faults as the next one.
  kills        the same run, killed with SIGKILL at K random moments and resumed each time; its files are compared
               byte by byte with the reference's.
  second       a second process on a run folder in use is refused in less than a second and names the holder.
  interrupt    SIGINT: no call begins later than 100 ms afterwards, exit 6 with the command to go on with.
               A second SIGINT does not wait for the calls in flight.
  malformed    faults x dialects x seeds: no panic, one outcome with its reason each, usable replies recovered.

Prints one line per promise and exits 1 when one is broken. The server is `faulty_llm_server.py` of the evaluation
data; it is started here, with a count of the tokens it has billed added to its /stats.
"""
import argparse, csv, json, os, pathlib, random, shutil, signal, sqlite3, subprocess, sys, tempfile, time, urllib.request

COUNTING = '''
_render, _stats = render, State.stats
def render(d, model, text, h, n_in, fault, tool):
    S.n.update(tokens_in=n_in, tokens_out=len(text) // 4 + 1)
    return _render(d, model, text, h, n_in, fault, tool)
MARKS = []
def marked():
    MARKS.append(time.monotonic())
    return MARKS[-1]
def outlived(good_at):
    return next((mark for mark in MARKS if mark >= good_at), math.inf) - good_at > C.settle
State.stats = lambda self, full: {**_stats(self, full), "tokens": {k: self.n["tokens_" + k] for k in ("in", "out")}}
'''
# Faults after which the same answer comes in the end, however often a call is made.
PASSING = ("429=.04:0.2,500=.03,503=.02:0.1,early_close=.02,reset=.02,reset_mid=.02,truncate=.02,bad_chunk=.01,"
           "gzip_corrupt=.01,html200=.01,fenced=.05,prose=.05,think=.05,gzip_ok=.02,extra_fields=.02")
# Faults that say what they cost, or cost nothing.
TOLD = "429=.05:0.1,500=.03,503=.03:0.1,fenced=.05,invalid_json=.05,missing_field=.05,refusal=.02,length=.03,no_choices=.02"
# Faults that stay: some records carry them in their text.
STAYING = ("400", "refusal", "wrong_schema", "422")
COMPARED = ("consensus.jsonl", "personas.csv", "personas.md", "drafts.jsonl", "summary.json", "set_aside.jsonl")
MODELS = (("openai", "/v1", "model-a"), ("anthropic", "", "model-b"), ("ollama", "", "model-c"))
STUDY = """name: campaign
input: {{path: records.csv, unit: record}}
personas: {{min: 1, max: 3}}
quorum: {{min_success_ratio: 0.5}}
retry: {{base_seconds: 0.05, cap_seconds: 5, budget_share: 10, max_attempts: 10, max_waits: 100}}
panel:
{panel}
"""


# The server compares an answer with the last kill only, so that one that was cut by a kill and asked for again after
# the next one looks settled. What counts is the first kill after the answer: did the process outlive it by a second?
EXACT = (("rec.good_at < S.mark - C.settle", "outlived(rec.good_at)"), ('S.mark, S.n["marks"] = time.monotonic(),', 'S.mark, S.n["marks"] = marked(),'))


class Server:
    """The faulty server, on a port that the system chose."""

    def __init__(self, path, folder, seconds):
        source = pathlib.Path(path).read_text(encoding="utf-8")
        for old, new in EXACT:
            if old not in source:
                raise SystemExit("`%s` is not the server that this was written for: it lacks `%s`" % (path, old))
            source = source.replace(old, new)
        program = folder / "server.py"
        program.write_text(source.replace('\nif __name__ == "__main__":', COUNTING + '\nif __name__ == "__main__":'))
        command = [sys.executable, str(program), "--port", "0", "--max-seconds", str(seconds), "--hang-seconds", "20"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[1]

    def ask(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data=data), timeout=10) as answer:
            return json.load(answer)

    def stats(self):
        return self.ask("/stats")

    def begin(self, **config):
        """Forgets all counts and behaves as told."""
        self.ask("/reset", {})
        self.ask("/config", {"faults": "", "latency": "const:0", "settle": 1.0, **config})

    def stop(self):
        self.process.kill()
        self.process.wait()


class Campaign:
    def __init__(self, options, server, folder):
        self.options, self.server, self.folder, self.lines, self.broken = options, server, folder, [], 0
        self.random = random.Random(options.seed)

    def say(self, what, found, holds):
        self.broken += not holds
        self.lines.append((what, found, "holds" if holds else "BROKEN"))
        print("  %-44s %-44s %s" % self.lines[-1], flush=True)

    def study(self, name, records, staying=True, concurrency=None):
        folder = self.folder / name
        folder.mkdir()
        with open(folder / "records.csv", "w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["id", "text"])
            for i in range(records):
                fault = " [[fault:%s]]" % STAYING[i // 25 % len(STAYING)] if staying and i % 25 == 7 else ""
                rows.writerow(["r%05d" % i, "Respondent %d of %s would like quieter evenings.%s" % (i, name, fault)])
        member = "  - {model: '%s:%s', base_url: '%s%s', api_key_env: CAMPAIGN_KEY, concurrency: %d, timeouts: {total: 15}, " \
                 "allow_insecure_http: true, price: {input: 1, output: 3}}"
        panel = "\n".join(member % (provider, model, self.server.url, path, concurrency or self.options.concurrency)
                          for provider, path, model in MODELS)
        (folder / "study.yaml").write_text(STUDY.format(panel=panel))
        return folder

    def start(self, folder, out, **more):
        command = [self.options.binary, "run", str(folder / "study.yaml"), "--out", str(folder / out), "--yes"]
        environment = {**os.environ, "CAMPAIGN_KEY": "sk-canary-campaign-0123456789"}
        log = open(folder / (out + ".log"), "a+", encoding="utf-8")
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log, env=environment, **more)

    def query(self, folder, out, sql):
        with sqlite3.connect("file:%s?mode=ro" % (folder / out / "run.sqlite"), uri=True) as database:
            return database.execute(sql).fetchall()

    def finish(self, folder, out, sittings=30):
        """Runs until no call is owed; a sitting that gives a call up is followed by another one."""
        for sitting in range(1, sittings + 1):
            code = self.start(folder, out).wait()
            if code not in (0, 4, 6):
                raise SystemExit("exit %d: %s" % (code, (folder / (out + ".log")).read_text()[-600:]))
            owed = self.query(folder, out, "SELECT count(*) FROM slots WHERE status IN ('outstanding', 'failed')")[0][0]
            if code == 0 and owed == 0:
                return sitting
        raise SystemExit("%d calls are still owed after %d sittings" % (owed, sittings))

    def ledger(self):
        folder = self.study("ledger", min(self.options.records, 300))
        self.server.begin(faults=TOLD)
        self.finish(folder, "run")
        counted = self.server.stats()["tokens"]
        kept = self.query(folder, "run", "SELECT sum(charged), sum(CASE WHEN certain THEN 0 ELSE charged END) FROM attempts")[0]
        charged = (counted["in"] + 3 * counted["out"]) * 10 ** 6
        self.say("the ledger equals the server's usage", "%.6f and %.6f, %s uncertain" % (kept[0] / 1e12, charged / 1e12, kept[1]),
                 kept == (charged, 0))

    def malformed(self):
        """Every fault but those that stop a provider or last long, in three dialects, on many records."""
        listed = subprocess.run([sys.executable, self.options.server, "--list"], capture_output=True, text=True).stdout
        skipped = set("401 402 403 404 429_quota 429_huge redirect hang hang_free never_end flood huge gzip_bomb".split())
        faults = [name for line in listed.splitlines() for name in line.split()[1:] if name not in skipped]
        folder = self.study("malformed", 1, staying=False)
        with open(folder / "records.csv", "w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["id", "text"])
            calls = [["%s-%d" % (name, seed), "Respondent %d. [[fault:%s*2]]" % (seed, name)]
                     for seed in range(self.options.seeds) for name in faults]
            # Mixed, for an endpoint that cuts ten calls in a row is rightly left alone for a while.
            self.random.shuffle(calls)
            rows.writerows(calls)
        study = folder / "study.yaml"
        study.write_text(study.read_text().replace("min_success_ratio: 0.5", "min_success_ratio: 0.05"))
        self.server.begin()
        code = self.start(folder, "run").wait()
        calls = self.query(folder, "run", "SELECT record, status, reason FROM slots")
        said, spoilt = (folder / "run.log").read_text(), [c for c in calls if c[1] != "answered" and not c[2]]
        usable = set("fenced prose think gzip_ok early_hints extra_fields slow_drip slow_headers wrong_ct xss csv injection md ansi path".split())
        good = [status == "answered" for record, status, _ in calls if record.rsplit("-", 1)[0] in usable]
        total = 3 * len(faults) * self.options.seeds
        self.say("malformed replies: no panic", "%d faults x 3 x %d seeds = %d, exit %d" % (len(faults), self.options.seeds, total, code),
                 code == 0 and "panicked" not in said)
        self.say("  each call has one outcome with its reason", "%d of %d" % (len(calls) - len(spoilt), total),
                 len(calls) == total and not spoilt)
        self.say("  usable replies are recovered", "%d of %d" % (sum(good), len(good)), sum(good) >= 0.99 * len(good))

    def wait_for_calls(self, process, more):
        """Waits until so many requests have come, or the process has ended."""
        aim = self.server.stats()["requests"] + more
        while process.poll() is None and self.server.stats()["requests"] < aim:
            time.sleep(0.01)

    def kills(self):
        options, in_flight = self.options, 3 * self.options.concurrency
        folder = self.study("kills", options.records)
        # So slow that the calls of the run last about as long as the kills do.
        latency = max(0.02, 0.6 * options.kills * in_flight / (3 * options.records))
        config = {"faults": PASSING, "latency": "lognorm:%.3f,0.6" % latency, "latency_cap": 4 * latency}
        began = time.monotonic()
        self.server.begin(**{**config, "latency": "const:0.005"})
        self.finish(folder, "reference")
        reference, stats = time.monotonic() - began, self.server.stats()
        # A process that was killed takes its waits with it and leaves its calls to the server, so these two are
        # looked at where nobody is killed.
        self.say("Retry-After is kept", "%d too early" % stats["ra_violations"], stats["ra_violations"] == 0)
        self.say("in flight at most", "%d of %d" % (stats["max_inflight"], in_flight), stats["max_inflight"] <= in_flight)
        self.server.begin(**config)
        killed, before, began = 0, 0, time.monotonic()
        while killed < options.kills:
            process = self.start(folder, "killed")
            if self.random.random() < 0.8:
                self.wait_for_calls(process, 1)
            time.sleep(self.random.uniform(0, 0.9))
            self.server.ask("/mark", {})
            if process.poll() is None:
                process.kill()
                killed += 1
            elif before >= 3:
                break
            else:
                before += 1
            process.wait()
            # An answer that went out between this mark and the one before the kill may have come too late.
            self.server.ask("/mark", {})
        self.finish(folder, "killed")
        took, stats = time.monotonic() - began, self.server.stats()
        slots = dict(self.query(folder, "killed", "SELECT status, count(*) FROM slots GROUP BY status"))
        lost = 3 * options.records - sum(slots.get(name, 0) for name in ("answered", "unusable", "rejected"))
        tokens = self.query(folder, "killed", "SELECT sum(charged) FROM attempts")[0][0]
        billed = (stats["tokens"]["in"] + 3 * stats["tokens"]["out"]) * 10 ** 6
        print("  %d records x 3, %d kills in %.0f s; reference %.0f s; %d requests, %d paid, calls %s" % (
            options.records, killed, took, reference, stats["requests"], stats["paid"], slots))
        self.say("kills", "%d" % killed, killed >= options.kills * 0.9)
        self.say("lost", "%d of %d" % (lost, 3 * options.records), lost == 0)
        self.say("repaid_settled", "%d" % stats["repaid_settled"], stats["repaid_settled"] == 0)
        self.say("repaid_inflight <= kills x concurrency", "%d <= %d" % (stats["repaid_inflight"], killed * in_flight),
                 stats["repaid_inflight"] <= killed * in_flight)
        self.say("the ledger is never below the bill", "%.6f >= %.6f" % (tokens / 1e12, billed / 1e12), tokens >= billed)
        again = self.query(folder, "killed", """SELECT count(*) FROM attempts a JOIN replies r ON r.key = a.key AND r.repair = a.repair
            AND r.attempt < a.id""")[0][0]
        self.say("calls made although an answer was stored", "%d" % again, again == 0)
        for name in COMPARED:
            one, other = ((folder / out / name).read_bytes() for out in ("reference", "killed"))
            self.say("%s is the same" % name, "%d bytes" % len(one), one == other)
        canary = any(b"sk-canary" in path.read_bytes() for path in folder.rglob("*") if path.is_file())
        self.say("the key stands in no file", "searched %s" % folder.name, not canary)

    def second(self):
        folder = self.study("second", self.options.records)
        self.server.begin(latency="const:0.5")
        process = self.start(folder, "run")
        self.wait_for_calls(process, 1)
        began = time.monotonic()
        command = [self.options.binary, "run", str(folder / "study.yaml"), "--out", str(folder / "run"), "--yes"]
        refused = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "CAMPAIGN_KEY": "x" * 20})
        took = time.monotonic() - began
        process.kill()
        process.wait()
        named = "process %d" % process.pid in refused.stderr
        self.say("a second process is refused within 1 s", "%.2f s, exit %d, %s" % (took, refused.returncode, "named" if named else "not named"),
                 took < 1 and refused.returncode == 2 and named)

    def interrupt(self):
        folder = self.study("interrupt", self.options.records)
        self.server.begin(latency="const:0.5")
        process = self.start(folder, "run")
        self.wait_for_calls(process, 2 * self.options.concurrency)
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
        then, code = self.server.stats()["requests"], process.wait()
        later = self.server.stats()["requests"] - then
        said = (folder / "run.log").read_text()
        self.say("SIGINT: no call 100 ms later, exit 6", "%d calls, exit %d" % (later, code), later == 0 and code == 6)
        self.say("  and the command to go on with", "consona run …", "To go on: consona run" in said)
        kept = self.query(folder, "run", "SELECT count(*) FROM attempts WHERE state = 'sent'")[0][0]
        self.say("  and the calls in flight are stored", "%d open" % kept, kept == 0)
        self.server.begin(faults="hang=1")
        process = self.start(folder, "run")
        self.wait_for_calls(process, 1)
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        code = process.wait()
        took = time.monotonic() - began
        self.say("a second SIGINT leaves at once", "%.2f s, exit %d" % (took, code), took < 1 and code == 6)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default=os.environ.get("CONSONA_FAULTY_SERVER"), help="faulty_llm_server.py")
    parser.add_argument("--binary", default="target/release/consona")
    parser.add_argument("--records", type=int, default=200)
    parser.add_argument("--kills", type=int, default=8)
    parser.add_argument("--concurrency", type=int, default=8, help="calls in flight per provider")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=3, help="records per fault")
    parser.add_argument("--only", default="ledger,kills,second,interrupt,malformed")
    parser.add_argument("--full", action="store_true", help="2,000 records, 200 kills")
    parser.add_argument("--keep", action="store_true", help="keep the folders")
    options = parser.parse_args()
    if not options.server:
        parser.error("--server is needed (or CONSONA_FAULTY_SERVER)")
    if options.full:
        options.records, options.kills, options.seeds = 2_000, 200, 50
    folder = pathlib.Path(tempfile.mkdtemp(prefix="consona-campaign-"))
    server = Server(options.server, folder, 7_200 if options.full else 900)
    campaign = Campaign(options, server, folder)
    try:
        for part in options.only.split(","):
            print(part)
            getattr(campaign, part)()
    finally:
        server.stop()
        if not options.keep:
            shutil.rmtree(folder)
    print("%d promises, %d broken" % (len(campaign.lines), campaign.broken))
    return min(campaign.broken, 1)


if __name__ == "__main__":
    sys.exit(main())
