"""openvino-genai generating from a GGUF file: ``openvino_peer.py MODEL.gguf TOKENS``.

Each line on standard input is a number of streams; the answer is one line of JSON.
"""

import json
import resource
import sys
import time

import openvino_genai  # type: ignore[import-not-found]  # in an environment of its own


def cpu_s() -> float:
    """CPU time of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Load the model and measure turns until standard input ends."""
    scheduler = openvino_genai.SchedulerConfig()
    scheduler.max_num_batched_tokens = 2048
    scheduler.max_num_seqs = 64
    scheduler.cache_size = 1
    options = {"INFERENCE_NUM_THREADS": 1}
    pipeline = openvino_genai.ContinuousBatchingPipeline(sys.argv[1], scheduler, "CPU", options)
    config = openvino_genai.GenerationConfig()
    config.max_new_tokens = int(sys.argv[2])
    config.ignore_eos = True
    config.do_sample = False
    asked = 0
    for line in sys.stdin:
        count = int(line)
        before, began = cpu_s(), time.perf_counter()
        handles = {}
        for number in range(count):
            prompt = (
                f"<|im_start|>user\nTell me something about topic {number}, please.<|im_end|>\n"
            )
            handles[asked] = pipeline.add_request(asked, prompt + "<|im_start|>assistant\n", config)
            asked += 1
        tokens = 0
        first: dict[int, float] = {}
        last: dict[int, float] = {}
        while pipeline.has_non_finished_requests():
            pipeline.step()
            for key, handle in handles.items():
                while handle.can_read():
                    got = sum(len(part.generated_ids) for part in handle.read().values())
                    tokens += got
                    first.setdefault(key, time.perf_counter() - began)
                    last[key] = time.perf_counter() - began
        answer = {
            "tokens": tokens,
            "cpu_s": cpu_s() - before,
            "first_s": max(first.values()),
            "last_s": max(last.values()),
            "fairness": min(last.values()) / max(last.values()),
        }
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
