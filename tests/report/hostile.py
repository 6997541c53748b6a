"""Text that means harm, as a model may write it."""

SCRIPT = "</script><script>window.hacked=1</script>"
IMAGE = "<img src=x onerror=window.hacked=2>"
COMMENT = "<!-- <script> \" ' & \u2028 {{ 7*7 }} $&"
HOSTILE = SCRIPT + IMAGE + COMMENT
LONG = "x" * 9_000
