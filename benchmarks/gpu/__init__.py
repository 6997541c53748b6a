"""One GPU at the papers' scale, `make gpu`: equal to the CPU, training against the matmul peak, sampling, an RL step.

Parts run in processes of their own, one after the other (`runner`); one that is done is kept and not run again.
"""
