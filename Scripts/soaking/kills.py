"""Kills at random instants, at starts, and during comparisons."""

import random
import shutil
import time
from concurrent.futures import ThreadPoolExecutor


def kill_once_or_more(program, scenario, folder, chooser, longest, kills, expected):
    """Kills and starts again until the work is done; gives the number of kills."""
    what, done = f"{scenario.name} killed", 0
    shutil.rmtree(folder, ignore_errors=True)
    arguments = scenario.start(folder)
    while True:
        wait = chooser.uniform(0.01, longest) if done < kills else None
        status, errors = program.run(arguments, kill_after=wait)
        if status == 0:
            break
        if not program.expect(what, status == -9 and wait is not None, f"status {status}: {errors[-300:]}"):
            return done
        done += 1
        arguments = scenario.again(folder)
    program.compare(f"{what} {done} times", scenario, folder, expected)
    shutil.rmtree(folder, ignore_errors=True)
    return done


def kill_often(program, scenario, kills, share=0.8, each=4, workers=2):
    """At least `kills` kills, up to `each` a run, within a share of a whole run's time after each start."""
    name = scenario.name.replace(" ", "-")
    whole = program.work / f"whole-{name}"
    shutil.rmtree(whole, ignore_errors=True)
    begin = time.monotonic()
    status, errors = program.run(scenario.start(whole))
    seconds = time.monotonic() - begin
    program.expect(f"{scenario.name}, undisturbed", status == 0, errors[-300:])
    expected = scenario.result(whole)
    before, total, runs = len(program.failures), 0, 0
    with ThreadPoolExecutor(workers) as pool:
        while total < kills and len(program.failures) < before + 5:
            jobs = []
            for _ in range(workers):
                folder = program.work / f"killed-{name}-{runs}"
                runs += 1
                jobs.append(pool.submit(
                    kill_once_or_more, program, scenario, folder, random.Random(runs), share * seconds,
                    min(each, kills), expected))
            total += sum(job.result() for job in jobs)
    shutil.rmtree(whole, ignore_errors=True)
    failures = len(program.failures) - before
    print(f"{scenario.name}: {total} kills in {runs} runs of {seconds:.1f} s: {failures} failures", flush=True)
    return (scenario.name, total, runs, failures)


def kill_early(program, scenario, kills, workers=2):
    """Kills within 0.6 s of the first start; then --resume with nothing but the folder.

    It must be refused with status 66, because nothing tells what was to be trained, or end in the same bytes.
    """
    whole = program.work / "whole-early"
    shutil.rmtree(whole, ignore_errors=True)
    program.run(scenario.start(whole))
    expected = scenario.result(whole)
    before = len(program.failures)

    def one(number):
        folder = program.work / f"early-{number}"
        program.run(scenario.start(folder), kill_after=0.6 * (number + 1) / kills)
        began = folder.exists()
        status, errors = program.run(["train", "language", "--resume", "--output", folder])
        what = f"killed early, {number}"
        if status == 66:
            program.expect(what, not (folder / "config.toml").exists(), "a configuration is there, yet it was refused")
            refused = True
        else:
            refused = False
            if program.expect(what, status == 0, f"status {status}: {errors[-300:]}"):
                program.compare(what, scenario, folder, expected)
        shutil.rmtree(folder, ignore_errors=True)
        return refused, began

    with ThreadPoolExecutor(workers) as pool:
        outcomes = list(pool.map(one, range(kills)))
    shutil.rmtree(whole, ignore_errors=True)
    refused = sum(refused for refused, _ in outcomes)
    failures = len(program.failures) - before
    print(f"early: {kills} kills, {refused} refused with 66, {kills - refused} went on: {failures} failures", flush=True)
    return (kills, refused, failures)
