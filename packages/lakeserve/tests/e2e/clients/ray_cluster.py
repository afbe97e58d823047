"""A real Ray of two nodes on this machine, on the loopback address: run where Ray is installed.

Prints the head's address. Each line on standard input is a command: ``kill-node`` ends the second
node hard, ``add-node`` adds another one, and the end of the input ends the cluster.
"""

import os
import sys

# Nothing listens on other addresses, and nothing is reported to anybody.
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
# A busy machine needs longer to start all of a node's processes.
os.environ["RAY_raylet_start_wait_time_s"] = "40"  # noqa: SIM112  Ray spells it so

from ray.cluster_utils import Cluster

CPUS = 4


def main() -> None:
    """Run the cluster until standard input ends."""
    head = {"num_cpus": CPUS, "include_dashboard": False, "object_store_memory": 80_000_000}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    other = cluster.add_node(num_cpus=CPUS, object_store_memory=80_000_000)
    cluster.wait_for_nodes()
    print(cluster.address, flush=True)
    for line in sys.stdin:
        if line.strip() == "kill-node":
            cluster.remove_node(other, allow_graceful=False)
        elif line.strip() == "add-node":
            other = cluster.add_node(num_cpus=CPUS, object_store_memory=80_000_000)
        print("done", flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main()
