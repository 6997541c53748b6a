"""Policy losses: pure functions of tensors that return the loss of each token and what to log about it.

Every `_N` tensor is flat over the tokens with loss. `logp_N` is the log-probability of each sampled token under the
policy being trained, `old_logp_N` the one under the policy that the ratio

    r = pi / pi_old = exp(logp - old_logp)

is taken against, `advantage_N` the token's advantage. A loss returns `(loss_N, metrics)`: metrics are [N] tensors that
the trainer averages as it averages the loss and logs by name, such as `clip_fraction`, 1 where a clip acts. The
gradient flows through `logp_N` (or `logits_NV`) alone, everything else is a constant, so that one tensor may serve as
both policies. At r = 1 every loss but `natural_gradient` has the gradient of `reinforce`, `clip_cov` on the tokens that
it leaves in. Log-probabilities and logits must be finite. A tensor of another shape than the rest raises an InputError.

    clipped             reinforce, ppo_clip (DAPO's with high > low), dual_clip, cispo
    gspo                the ratio of whole samples
    covariance          clip_cov, kl_cov: what the tokens of highest covariance may do
    natural_gradient    a control in logit space

The specs register themselves (see `base`); a new file in this package is found by itself and needs no line here. These
functions have short names; any other is imported from its module.
"""

from edgewise.rl.losses.clipped import cispo, dual_clip, ppo_clip, reinforce
from edgewise.rl.losses.covariance import clip_cov, drawn_between, highest, kl_cov, token_covariance
from edgewise.rl.losses.gspo import gspo
from edgewise.rl.losses.natural_gradient import natural_gradient

__all__ = [
    "cispo",
    "clip_cov",
    "drawn_between",
    "dual_clip",
    "gspo",
    "highest",
    "kl_cov",
    "natural_gradient",
    "ppo_clip",
    "reinforce",
    "token_covariance",
]
