"""Writes an event file with TensorBoard's own writer, for Tests/Fixtures/tensorboard.

    python3 -m venv .venv && .venv/bin/pip install tensorboard==2.21.0
    .venv/bin/python Reference/tensorboard_events.py Tests/Fixtures/tensorboard/events
"""

import sys

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import RecordWriter


def main(path):
    version = event_pb2.Event(wall_time=1000.5, file_version="brain.Event:2")
    scalar = event_pb2.Event(wall_time=1001.5, step=7)
    scalar.summary.value.add(tag="training/loss", simple_value=2.25)
    histogram = event_pb2.Event(wall_time=1002.5, step=8)
    proto = summary_pb2.HistogramProto(
        min=-1, max=3, num=4, sum=4, sum_squares=12.5, bucket_limit=[1, 3], bucket=[2, 2])
    histogram.summary.value.add(tag="weights/w", histo=proto)
    with open(path, "wb") as file:
        writer = RecordWriter(file)
        for event in [version, scalar, histogram]:
            writer.write(event.SerializeToString())
        writer.flush()


if __name__ == "__main__":
    main(sys.argv[1])
