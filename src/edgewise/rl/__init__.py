"""Reinforcement learning: advantages, losses, rewards and recipes; collect -> advantages -> update; the one trainer.

recipe              Recipe: one algorithm with every number, as five specs
recipes/            the named recipes, each value beside its source
advantages/         one algorithm a file: function, spec, description
losses, importance, normalization, kl, reference_reset      what `recipe.loss` chooses from
rewards/            what is right, controls, shaping by length
curriculum, filters, rollout_worker     which problems, which groups, who writes: `recipe.sampling`
description         what docs/algorithms.md says of an algorithm, written beside it
registry            how a choice registers by its `kind`, also from outside the package
train               the loop; it uses
    collect, coverage       sample, verify, score, filter, resample
    token_advantages        scored rollouts -> advantages of every token -> minibatches
    batch                   packed batches and micro-batches
    update, critic          the policy's and the critic's updates
    models, probe, flops    who takes part, what is measured, what it costs
health              alarms over the metrics of a run, without torch
"""
