#!/usr/bin/env python3
"""Measures Vigie beside Debian's Prometheus and node_exporter, on this machine, in one run, and prints a table.

    bench/run.py [scrape|node|idle ...] [--seconds N]

Needs a release build (./run makes one in build/) and, for the peers, Debian's packages (./test unpacks them below build/peers). Each server in turn
scrapes the same generator (target_load.c): 100,000 series every second, then 500,000 every five. What counts is CPU time
and resident memory of the server process as the kernel accounts for them; ratios say more than figures, because machines differ
and are noisy. Nothing here fails a test.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
os.environ.setdefault("VIGIE_BINARY", str(ROOT / "build" / "vigie"))
sys.path.insert(0, str(ROOT / "tests" / "lib"))
import harness

PEERS = {
    "prometheus": os.environ.get("VIGIE_PROMETHEUS", str(ROOT / "build/peers/prometheus/usr/bin/prometheus")),
    "node_exporter": os.environ.get(
        "VIGIE_NODE_EXPORTER",
        str(ROOT / "build/peers/prometheus-node-exporter/usr/bin/prometheus-node-exporter")),
}
LOADS = ((50, 2000, 1), (250, 2000, 5))  # targets, series each, interval in seconds


def row(*cells):
    """One line of a table."""
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def build_generator(folder):
    """Compiles target_load."""
    program = folder / "target_load"
    subprocess.run(["cc", "-O2", "-o", program, ROOT / "bench" / "target_load.c"], check=True)
    return program


def write_config(path, targets, interval, port):
    """A prometheus.yml with that many targets on 127.x.y.z."""
    names = ", ".join(f"'127.1.{i // 250}.{i % 250 + 1}:{port}'" for i in range(targets))
    path.write_text(
        f"global: {{scrape_interval: {interval}s, scrape_timeout: {interval}s}}\n"
        f"scrape_configs:\n- job_name: bench\n  static_configs:\n  - targets: [{names}]\n", encoding="utf-8")


def measure_scrape(name, command, load, generator, seconds, folder):
    """CPU-seconds a million samples and bytes a series of one server under one load."""
    targets, series, interval = load
    target_port, port = harness.free_port(), harness.free_port()
    config, data = folder / f"{name}.yml", folder / f"{name}-data"
    write_config(config, targets, interval, target_port)
    flags = [f"--config.file={config}", f"--storage.tsdb.path={data}", f"--web.listen-address=127.0.0.1:{port}"]
    with harness.running([generator, target_port, series]):
        with harness.running(command + flags, ready_url=f"http://127.0.0.1:{port}/-/ready") as server:
            api = harness.Prometheus(port)
            harness.wait_until(lambda: api.value("count(up == 1)") == targets, 60, "all targets up")
            time.sleep(max(2 * interval, 5))
            cpu, begin = server.cpu_seconds(), time.monotonic()
            time.sleep(seconds)
            cpu, elapsed = server.cpu_seconds() - cpu, time.monotonic() - begin
            held = api.value(f"sum(count_over_time(up[{seconds}s]))") or 0
            memory = server.memory_bytes()
            peak = peak_bytes(server.process.pid)
    samples = targets * series * elapsed / interval
    return {
        "cpu": cpu / (samples / 1e6), "bytes": memory / (targets * series), "peak": peak / (targets * series),
        "held": held / (targets * elapsed / interval)}


def peak_bytes(pid):
    """The most resident memory the process has had."""
    with open(f"/proc/{pid}/status", encoding="ascii") as text:
        for line in text:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def bench_scrape(seconds):
    """Scraping: 100,000 series at 1 s, 500,000 at 5 s."""
    print("\n## Scraping\n")
    row("load", "server", "CPU-seconds a million samples", "bytes a series", "peak bytes a series", "scrapes held")
    row(*["---"] * 6)
    servers = [("vigie", [harness.BINARY, "prometheus"])]
    if os.access(PEERS["prometheus"], os.X_OK):
        servers.append(("prometheus", [PEERS["prometheus"]]))
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        generator = build_generator(folder)
        for load in LOADS:
            found = {}
            for server, command in servers:
                found[server] = measure_scrape(f"{server}-{load[2]}", command, load, generator, seconds, folder)
                result = found[server]
                row(f"{load[0] * load[1]:,} series at {load[2]} s", server, f"{result['cpu']:.3f}",
                    f"{result['bytes']:.0f}", f"{result['peak']:.0f}", f"{result['held'] * 100:.0f} %")
            if len(found) == 2:
                row("", "ratio", *(f"{found['prometheus'][key] / found['vigie'][key]:.1f}×"
                                   for key in ("cpu", "bytes", "peak")), "")


def bench_node():
    """node_exporter: CPU a scrape and memory, with the same collectors on."""
    print("\n## node_exporter\n")
    row("exporter", "CPU ms a scrape", "resident MB")
    row("---", "---", "---")
    collectors = ("conntrack cpu cpufreq diskstats entropy filefd filesystem hwmon loadavg meminfo netclass netdev netstat os "
                  "pressure schedstat sockstat stat textfile thermal_zone time timex uname vmstat").split()
    flags = ["--collector.disable-defaults"] + [f"--collector.{name}" for name in collectors]
    programs = [("vigie", [harness.BINARY, "node_exporter"])]
    if os.access(PEERS["node_exporter"], os.X_OK):
        programs.append(("node_exporter", [PEERS["node_exporter"]]))
    scrapes, found = 300, {}
    for name, command in programs:
        port = harness.free_port()
        with harness.running(command + flags + [f"--web.listen-address=127.0.0.1:{port}"],
                             ready_url=f"http://127.0.0.1:{port}/") as program:
            for _ in range(20):
                harness.http(f"http://127.0.0.1:{port}/metrics")
            cpu = program.cpu_seconds()
            for _ in range(scrapes):
                harness.http(f"http://127.0.0.1:{port}/metrics")
            found[name] = ((program.cpu_seconds() - cpu) / scrapes * 1000, program.memory_bytes() / 1e6)
        row(name, *(f"{value:.2f}" for value in found[name]))
    if len(found) == 2:
        row("ratio", *(f"{peer / own:.1f}×" for own, peer in zip(found["vigie"], found["node_exporter"])))


def bench_idle():
    """vigie up: time until every port answers, and memory after a minute of doing its usual work."""
    print("\n## vigie up, idle\n")
    row("measure", "figure")
    row("---", "---")
    address = harness.loopback_address()
    times, memory = [], 0
    for attempt in range(5):
        with tempfile.TemporaryDirectory() as data:
            begin = time.monotonic()
            with harness.running([harness.BINARY, "up", "--listen", address, "--data", data, "--config.root", data]) as up:
                for port in (9090, 9100, 3000):
                    while not listening(address, port):
                        up.alive()
                        time.sleep(0.0005)
                times.append(time.monotonic() - begin)
                if attempt == 4:
                    time.sleep(60)
                    memory = up.memory_bytes()
    row("time to listen on every port, median of 5", f"{sorted(times)[2] * 1000:.0f} ms")
    row("resident memory after 60 s", f"{memory / 1e6:.1f} MB")


def listening(address, port):
    """Does somebody accept connections there?"""
    import socket
    with socket.socket() as sock:
        sock.settimeout(0.5)
        return sock.connect_ex((address, port)) == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=["scrape", "node", "idle"])
    parser.add_argument("--seconds", type=int, default=30, help="length of one scrape measurement")
    arguments = parser.parse_args()
    for part in arguments.parts:
        {"scrape": lambda: bench_scrape(arguments.seconds), "node": bench_node, "idle": bench_idle}[part]()


main()
