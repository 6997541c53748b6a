"""Grade mathematical answers by math-verify: `grader` asks it, `process` runs in a process that can be killed."""
