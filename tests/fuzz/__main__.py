"""``python -m tests.fuzz``: fuzz for a time, print what was found, exit 1 for crashes, hangs and wrong results."""

from __future__ import annotations

import argparse
import math
import sys
import time

from .programs import KINDS
from .session import CORPUS, Session, corpus


def main() -> int:
    """Parse arguments, run, report."""
    parser = argparse.ArgumentParser("python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--most", type=float, default=math.inf, help="programs, of which a seed gives always the same")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--what", default=",".join(KINDS), help="kinds of programs, with commas: %(default)s")
    parser.add_argument("--corpus", action="store_true", help=f"append what was found to {CORPUS.name}")
    parser.add_argument("--words", action="store_true", help="exit 1 also where only the words of an error are wrong")
    options = parser.parse_args()
    kinds = options.what.split(",")
    if unknown := set(kinds) - set(KINDS):
        parser.error(f"--what: {', '.join(unknown)}; the kinds are {', '.join(KINDS)}")
    start = time.monotonic()
    with Session(options.seed, kinds) as session:
        session.replay(corpus())
        session.run(options.minutes * 60, options.most)
        rate = session.programs / (time.monotonic() - start)
        session.shrink()
    findings = sorted(session.findings.values(), key=lambda f: -f.count)
    for finding in findings:
        print(finding)
    if options.corpus:
        with CORPUS.open("a") as f:
            f.writelines(f"\n# {finding.signature}\n{finding.source}\n" for finding in findings)
    for kind, (count, seconds) in sorted(session.spent.items()):
        print(f"{kind:12}{count:9,} programs, {count / max(seconds, 1e-9):7,.0f} a second of the processor")
    print(f"{session.programs} programs ({rate:.0f} a second), {len(findings)} kinds of faults")
    return any(finding.grave or options.words for finding in findings)


if __name__ == "__main__":
    sys.exit(main())
