"""What `lockstep explain` adds to a document, made up: every field that the page draws, filled and empty."""


def explanation(plan, other):
    step = plan["step_time_s"]["value"]
    peak = plan["peak_memory_bytes"]["value"]

    def side(value, effect, feasible=True):
        return {"value": value, "step_time_s": step * (1 + effect), "effect": effect, "peak_memory_bytes": peak,
                "feasible": feasible}

    sensitivities = [
        {"path": "cluster.system.nic_bandwidth", "of": "hardware", "value": 5e10, "text": "400 Gb/s",
         "dimension": "bytes_per_second", "step": 0.05, "down": side(4.75e10, 0.021), "up": side(5.25e10, -0.017),
         "elasticity_down": -0.42, "elasticity_up": -0.34,
         "kink": {"value": 6e10, "text": "480 Gb/s", "factor": 1.2}},
        {"path": "plan.micro_batch", "of": "plan", "value": 1, "text": "1", "dimension": "", "step": 1.0,
         "down": None, "up": side(2, -0.031, False), "down_value": None, "up_value": 2,
         "elasticity_down": None, "elasticity_up": -0.05, "kink": None}]
    counterfactuals = [
        {"name": "NVLink twice as fast", "setting": "cluster.system.nvlink_bandwidth × 2", "legal": True,
         "feasible": True, "infeasible_reason": None, "step_time_s": step * 0.9, "gain": 1 / 0.9 - 1,
         "peak_memory_bytes": peak, "bound": "tensor cores"},
        {"name": "no recompute", "setting": "plan.recompute = none", "legal": True, "feasible": False,
         "infeasible_reason": "needs 91.3 GiB, the device has 79.6", "step_time_s": step * 0.95,
         "gain": 1 / 0.95 - 1, "peak_memory_bytes": 2 * peak, "bound": "NVLink"},
        {"name": "tensor 16", "setting": "plan.tensor = 16", "legal": False, "feasible": False,
         "infeasible_reason": "heads do not divide by tensor", "step_time_s": None, "gain": None,
         "peak_memory_bytes": None, "bound": None}]
    curve = [{"value": 1e10 * 1.6**i, "step_time_s": step * (1 + 0.5 / (i + 1)),
              "against_step_time_s": step * (1.2 + 0.1 / (i + 1))} for i in range(9)]
    break_evens = [
        {"against": other, "path": "cluster.system.nic_bandwidth", "text": "bandwidth of a NIC",
         "dimension": "bytes_per_second", "value_now": 5e10, "value": 2.1e10, "factor": 0.42, "range": [1e10, 4.3e11],
         "wins_below": other, "wins_above": plan["name"], "statement": "Below 168 Gb/s the other plan wins.",
         "curve": curve},
        {"against": other, "path": "training.global_batch", "text": "sequences of a step", "dimension": "",
         "value_now": 512, "value": None, "factor": None, "range": [64, 4096], "wins_below": None,
         "wins_above": None, "statement": "No batch changes who wins.", "curve": []}]
    hiding = [{"what": "FSDP all-gather", "tokens_now": 4096, "tokens_threshold": 5200.0,
               "bandwidth_bytes_per_s": 4.5e10, "statement": "From 5 200 tokens on it hides.", "hidden": False},
              {"what": "gradient reduce-scatter", "tokens_now": 4096, "tokens_threshold": None,
               "bandwidth_bytes_per_s": 4.5e10, "statement": "It hides.", "hidden": True}]
    ledger = [{"path": "system.link_share", "kind": "fitted", "value": 1.07, "spread": 0.08, "effect": -0.017,
               "share": 0.7, "interval": {"low": step * 0.9, "high": step * 1.1}, "source": "fit to 1054 runs",
               "measure": "lockstep calibrate nccl.log"},
              {"path": "the model itself", "kind": "residual", "value": None, "spread": None, "effect": 0.1,
               "share": 0.3, "interval": {"low": step * 0.95, "high": step * 1.05}, "source": "left out",
               "measure": None}]
    lints = [{"name": "tensor-across-nodes", "message": "Tensor ranks lie on 2 nodes.", "cost_s": 1.5,
              "cost_share": 0.02, "instead": "tensor: 8"},
             {"name": "odd-batch", "message": "The batch is odd.", "cost_s": None, "cost_share": None, "instead": None}]
    against = {"plan": other, "step_time_s": step, "against_step_time_s": step + 2.0, "terms": [
        {"name": "tensor-parallel collectives exposed", "seconds": -2.5, "share": 1.25},
        {"name": "pipeline bubble", "seconds": 0.5, "share": -0.25}]}
    measured = {"quantity": "step_time", "value": step * 1.3, "predicted": plan["step_time_s"], "error": 1 / 1.3 - 1,
                "probability": 0.04, "next": "Measure NCCL first.", "hypotheses": [
                    {"name": "slow NIC", "path": "cluster.system.nic_bandwidth", "value_now": 5e10,
                     "value_needed": 2.5e10, "sigmas": 3.1, "plausibility": 0.6, "statement": "A NIC at half would do.",
                     "measure": "lockstep validate nccl"},
                    {"name": "stragglers", "path": "software.straggler", "value_now": 0.01, "value_needed": None,
                     "sigmas": None, "plausibility": 0.1, "statement": "One slow GPU.", "measure": None}]}
    return {"plan": plan["name"], "sensitivities": sensitivities, "counterfactuals": counterfactuals,
            "break_evens": break_evens, "hiding": hiding, "ledger": ledger, "lints": lints, "against": against,
            "memory": {"peak": {"stage": 0, "instant": "loss", "bytes": peak}, "second": None}, "measured": measured}
