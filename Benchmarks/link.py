"""Processes of this machine as if each were a host of its own, with links of a known latency and bandwidth (Linux, as root).

Each process has a network namespace with one TUN device. Its packets pass through the process that calls `run`, which lets
them go no faster than a link's bandwidth at both its ends and holds them for the latency.
"""

import array
import ctypes
import fcntl
import heapq
import os
import select
import socket
import struct
import subprocess
import threading
import time

PACKET = 16_000
CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
PR_SET_TIMERSLACK = 29
LIBC = ctypes.CDLL(None, use_errno=True)


def enter(rank, channel):
    """Gives the process that calls it a network of its own, and its device to the other end of a channel."""
    if LIBC.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "a network namespace cannot be made")
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"wire", IFF_TUN | IFF_NO_PI))
    for words in (f"addr add 10.99.0.{rank + 1}/24 dev wire", f"link set wire mtu {PACKET} txqueuelen 10000 up", "link set lo up"):
        subprocess.run(["ip", *words.split()], check=True)
    # One that paces by its own estimate of the bandwidth would be measured in place of the link. What a connection has sent
    # ahead would delay the small messages of another here, where packets wait in one queue.
    settings = {"tcp_congestion_control": "reno", "tcp_wmem": "4096 65536 262144", "tcp_rmem": "4096 65536 262144"}
    for name, value in settings.items():
        with open(f"/proc/sys/net/ipv4/{name}", "w") as file:
            file.write(value)
    channel.sendmsg([b"d"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [device]))])
    os.close(device)


def relay(devices, latency, bandwidth, stop):
    """Passes packets on until it is told to stop."""
    os.nice(-15)
    LIBC.prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)
    clock, queue, count = time.monotonic, [], 0
    leaves, arrives = [0.0] * len(devices), [0.0] * len(devices)
    while not stop.is_set():
        wait = min(queue[0][0] - clock(), 0.1) if queue else 0.1
        ready = select.select(devices, [], [], max(wait, 0))[0]
        for device in ready:
            source = devices.index(device)
            for _ in range(8):
                try:
                    packet = os.read(device, PACKET)
                except BlockingIOError:
                    break
                if packet[0] >> 4 != 4 or not 0 < packet[19] <= len(devices):
                    continue
                target, duration = packet[19] - 1, len(packet) / bandwidth
                leaves[source] = max(leaves[source], clock()) + duration
                arrives[target] = max(arrives[target] + duration, leaves[source] + latency)
                count += 1
                heapq.heappush(queue, (arrives[target], count, target, packet))
        while queue and queue[0][0] <= clock():
            _, _, target, packet = heapq.heappop(queue)
            try:
                os.write(devices[target], packet)
            except OSError:
                pass  # Its process has ended.


def run(size, command, latency, bandwidth, environment, timeout=600):
    """Runs a command as `size` ranks; gives what the first wrote on standard output. Raises where one fails."""
    devices, children, relaying, stop = [], [], None, threading.Event()
    try:
        for rank in range(size):
            ours, its = socket.socketpair()
            place = dict(environment, RANK=str(rank), WORLD_SIZE=str(size), MASTER_ADDR="10.99.0.1", MASTER_PORT="29500",
                         GLOO_SOCKET_IFNAME="wire")
            children.append(subprocess.Popen(
                command, env=place, stdin=subprocess.DEVNULL, text=True, preexec_fn=lambda: enter(rank, its),
                stdout=subprocess.PIPE if rank == 0 else subprocess.DEVNULL,
                stderr=subprocess.PIPE if rank == 0 else subprocess.DEVNULL))
            _, ancillary, _, _ = ours.recvmsg(1, socket.CMSG_SPACE(4))
            devices.append(array.array("i", ancillary[0][2])[0])
            ours.close(), its.close()
        relaying = threading.Thread(target=relay, args=(devices, latency, bandwidth, stop), daemon=True)
        relaying.start()
        output, errors = children[0].communicate(timeout=timeout)
        for child in children:
            if child.wait(timeout=20) != 0:
                raise RuntimeError(f"{command[0]} ended with status {child.returncode}: {errors[-400:]}")
        return output
    finally:
        for child in children:
            if child.poll() is None:
                child.kill()
        stop.set()
        if relaying:
            relaying.join()
        for device in devices:
            os.close(device)
