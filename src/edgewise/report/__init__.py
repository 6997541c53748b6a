"""Pages, figures and tables. Formats what was measured; computes no statistics.

`study` serves the laboratory, `audit` rollouts that somebody brings; what both need stands here.
Nothing outside `study` needs torch.
"""
