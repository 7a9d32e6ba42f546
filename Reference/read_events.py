"""Reads event files with TensorBoard's own reader and prints what is in them as JSON.

    python3 -m venv .venv && .venv/bin/pip install tensorboard==2.21.0
    .venv/bin/python Reference/read_events.py runs/first/events
"""

import json
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2


def main(folder):
    events = EventAccumulator(folder, size_guidance={"scalars": 0, "histograms": 0, "tensors": 0})
    events.Reload()
    tags = events.Tags()
    found = {
        "scalars": {t: [[e.step, e.value] for e in events.Scalars(t)] for t in tags["scalars"]},
        "histograms": {
            t: [[e.step, e.histogram_value.num, sum(e.histogram_value.bucket)] for e in events.Histograms(t)]
            for t in tags["histograms"]
        },
        "text": {
            t: [v.tensor_proto.string_val[0].decode() for v in events.Tensors(t)]
            for t in plugin_tags(events, "text")
        },
        "hparams": {},
    }
    for tag, content in events.PluginTagToContent("hparams").items():
        data = plugin_data_pb2.HParamsPluginData.FromString(content)
        if tag.endswith("session_start_info"):
            found["hparams"] = {
                name: getattr(value, value.WhichOneof("kind"))
                for name, value in data.session_start_info.hparams.items()
            }
        if tag.endswith("session_end_info"):
            found["status"] = data.session_end_info.status
    json.dump(found, sys.stdout, indent=1)


def plugin_tags(events, plugin):
    try:
        return list(events.PluginTagToContent(plugin))
    except KeyError:
        return []


if __name__ == "__main__":
    main(sys.argv[1])
