"""Random programs by the million: `python benchmarks/fuzz.py --count 1000000 --seed 0 --jobs 2`.

Each program has a number, from which it follows; a failure is printed with it, and `--show NUMBER` prints the program.
Properties and programs are those of the tests (`tests/fuzzing.py`, `tests/programs.py`). A program that takes more than
`--seconds` of processor time is a failure, too: bombs that end at the compiler's own bound on work take some.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from multiprocessing import Pool
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

CHUNK = 500


def main() -> int:
    """Run; the status is 1 if anything failed."""
    options = _options()
    if options.show is not None:
        from fuzzing import text_of

        print(text_of(options.show))
        return 0
    started, done, good, failures = time.perf_counter(), 0, 0, 0
    chunks = [
        (first, min(CHUNK, options.seed + options.count - first), options.seconds)
        for first in range(options.seed, options.seed + options.count, CHUNK)
    ]
    with Pool(options.jobs) as pool:
        for count, fine, failed in pool.imap_unordered(run_chunk, chunks):
            done, good = done + count, good + fine
            for text in failed:
                failures += 1
                print(text, flush=True)
            rate = done / (time.perf_counter() - started)
            print(
                f"\r{done:,} programs, {good / done:.0%} good, {rate:,.0f}/s, {failures} failed",
                end="",
                file=sys.stderr,
            )
    seconds = time.perf_counter() - started
    print(
        f"\n{done:,} programs in {seconds:,.0f} s ({done / seconds:,.0f}/s), {good / done:.0%} good, {failures} failed"
    )
    return 1 if failures else 0


def run_chunk(chunk: tuple[int, int, float]) -> tuple[int, int, list[str]]:
    """How many programs, how many are good, and what failed."""
    first, count, seconds = chunk
    failed = list[str]()
    good = sum(_examined(number, seconds, failed) for number in range(first, first + count))
    return count, good, failed


def _examined(number: int, seconds: float, failed: list[str]) -> bool:
    from fuzzing import examine

    started = time.process_time()
    try:
        good = examine(number)
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        failed.append(f"program {number}: {type(error).__name__} in {place.name}: {str(error)[:200]}")
        return False
    taken = time.process_time() - started
    if taken > seconds:
        failed.append(f"program {number}: {taken:.1f} s")
    return good


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=next(iter((__doc__ or "").splitlines()), ""))
    parser.add_argument("--count", type=int, default=10_000, help="how many programs")
    parser.add_argument("--seed", type=int, default=0, help="the number of the first")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--seconds", type=float, default=5.0, help="of processor time for one program")
    parser.add_argument("--show", type=int, metavar="NUMBER", help="print this program and stop")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
