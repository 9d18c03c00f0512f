# SPDX-License-Identifier: Apache-2.0
"""What scripts/results and scripts/paper-table share: data sets, recipes, running the
command line program, means and spreads, and pages of results.

How recipes were chosen, and what was looked at, is in docs/training.md.
"""
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHARED = os.path.join(os.path.dirname(ROOT), "shared", "data")

CELLS = ("conv 16 3x3 pad 1, relu, max 2, conv 32 3x3 pad 1, relu, max 2, "
         "conv 64 3x3 pad 1, relu, max 2, fc 128, relu, fc classes")

# name: where the data is, and the arguments of `train` that do not depend on the method
# (common) or that only `bayes` takes (bayes).
RECIPES = {
    "mnist": {
        "title": "MNIST",
        "data": os.path.join(ROOT, "data", "mnist"),
        "net": "lenet5",
        "common": ["--epochs", "80"],
        "bayes": ["--pretrain", "20"],
    },
    "fashion": {
        "title": "Fashion-MNIST",
        "data": os.path.join(SHARED, "fashion-mnist-idx"),
        "net": "lenet5",
        "common": ["--epochs", "60", "--augment", "shift=1,flip=h"],
        "bayes": ["--members", "4", "--pretrain", "15", "--kl-weight", "0.03",
                  "--validation", "0.1"],
        "temperature": True,  # of `bayes`, fitted on the validation part
    },
    "malaria": {
        "title": "malaria cells",
        "data": os.path.join(SHARED, "malaria-cells"),
        "net": CELLS,
        "common": ["--epochs", "14", "--normalise", "image", "--augment",
                   "flip=hv,turn"],
        "bayes": ["--pretrain", "4", "--kl-weight", "0.003"],
        "folds": 5,
    },
    "pneumonia": {
        "title": "PneumoniaMNIST (3,882 training images, not the official 4,708)",
        "data": os.path.join(SHARED, "medmnist", "pneumoniamnist-train3882"),
        "net": "lenet5",
        "common": ["--epochs", "60", "--normalise", "image", "--balance", "--augment",
                   "shift=2,rotate=10,scale=0.15,edge"],
        "bayes": ["--pretrain", "15", "--kl-weight", "0.5"],
    },
}


def options_of(parser):
    """The options that both programs have."""
    parser.add_argument("--seeds", type=int, default=3, help="seeds 1 .. N [3]")
    parser.add_argument("--samples", type=int, default=8, help="draws, S [8]")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--bayhenn", default=os.path.join(ROOT, "build/release/bayhenn"))
    parser.add_argument("--work", default=os.path.join(ROOT, "build/results"),
                        help="folder of models and logs [build/results]")
    parser.add_argument("--out", help="folder of the pages [docs/results; that of --work "
                        "with --quick]")
    parser.add_argument("--reuse", action="store_true",
                        help="models that --work holds are not trained again")
    parser.add_argument("--quick", action="store_true",
                        help="two epochs: to see that all runs, not what comes out")
    for name, recipe in RECIPES.items():
        parser.add_argument(f"--{name}", metavar="PATH", default=recipe["data"],
                            help=f"[{os.path.relpath(recipe['data'], ROOT)}]")


def say(text):
    print(text, file=sys.stderr, flush=True)


class Runner:
    """Runs the program and keeps what it was asked: commands, seconds."""

    def __init__(self, options):
        self.options = options
        self.commands = []
        self.out = options.out or (options.work if options.quick
                                   else os.path.join(ROOT, "docs/results"))
        os.makedirs(options.work, exist_ok=True)
        os.makedirs(self.out, exist_ok=True)
        if not os.access(options.bayhenn, os.X_OK):
            sys.exit(f"there is no {options.bayhenn}: build the preset release")

    def run(self, arguments, log=None):
        command = [self.options.bayhenn] + [str(a) for a in arguments]
        self.commands.append(shlex.join(["bayhenn"] + command[1:]))
        start = time.monotonic()
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"exit status {done.returncode}: {self.commands[-1]}")
        if log:
            with open(log, "w", encoding="utf-8") as file:
                file.write(done.stdout)
        return done.stdout, time.monotonic() - start

    def path(self, name):
        return getattr(self.options, name)

    def model(self, stem):
        return os.path.join(self.options.work, stem + ".bhn")

    def train(self, name, stem, seed, method="bayes", extra=()):
        """Trains recipe `name`; returns the model's file and the seconds."""
        recipe = RECIPES[name]
        arguments = ["train", "--data", self.path(name), "--net", recipe["net"],
                     "--dataset", name, "--method", method, "--seed", seed,
                     "--threads", self.options.threads, "--json", *recipe["common"]]
        if method == "bayes":
            arguments += recipe["bayes"]
        if self.options.quick:
            arguments += ["--epochs", 2]
            arguments += ["--pretrain", 1] if method == "bayes" else []
        out = self.model(stem)
        if os.path.exists(out + ".checkpoint"):
            os.remove(out + ".checkpoint")  # of an interrupted run: its time is unknown
        arguments += [*extra, "--out", out]
        log = os.path.join(self.options.work, stem + ".jsonl")
        if self.options.reuse and os.path.exists(out) and os.path.exists(log):
            self.commands.append(shlex.join(["bayhenn", *map(str, arguments)]))
            with open(log, encoding="utf-8") as file:
                return out, json.loads(file.readlines()[-1])["seconds"]
        say(f"training {stem}")
        _, seconds = self.run(arguments, log)
        if method == "bayes" and recipe.get("temperature"):
            self.run(["eval", "--model", out, "--data", self.path(name), "--split",
                      "validation", "--fit-temperature", "--out", out, "--samples",
                      self.options.samples, "--threads", self.options.threads])
        return out, seconds

    def evaluate(self, model, name, extra=(), samples=None):
        out, _ = self.run(["eval", "--model", model, "--data", self.path(name),
                           "--samples", samples or self.options.samples, "--threads",
                           self.options.threads, "--json", *extra])
        return json.loads(out)


def numbers_of(result, path):
    """The numbers of one path ("float", "quantised") of an evaluation."""
    return next(p for p in result["paths"] if p["path"] == path)


def spread(values):
    """Mean and standard deviation over runs."""
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return statistics.mean(values), deviation


def cell(values, scale=1, decimals=4):
    mean, deviation = spread(values)
    return f"{scale * mean:.{decimals}f} ± {scale * deviation:.{decimals}f}"


def machine():
    name = platform.processor() or "unknown processor"
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            name = next(line.split(":", 1)[1].strip() for line in file
                        if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{name}, {os.cpu_count()} cores"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    lines += ["| " + " | ".join(str(c) for c in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def write_page(runner, name, text, data):
    """A page, with its commands, and the numbers behind it."""
    if runner.options.quick:
        text += "\nMade with `--quick`: two epochs, to see that all runs.\n"
    relative = [c.replace(ROOT + "/", "").replace(os.path.dirname(ROOT) + "/", "../")
                for c in runner.commands]
    page = os.path.join(runner.out, name + ".md")
    with open(page, "w", encoding="utf-8") as file:
        file.write(text + f"\n{machine()}, {time.strftime('%Y-%m-%d')}.\n\n"
                   "<details><summary>Commands</summary>\n\n```\n"
                   + "\n".join(relative) + "\n```\n\n</details>\n")
    with open(os.path.join(runner.out, name + ".json"), "w",
              encoding="utf-8") as file:
        json.dump(data, file, indent=1)
        file.write("\n")
    say(f"wrote {page}")
