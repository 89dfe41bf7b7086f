"""The benchmarks of ``make bench``: most figures are ratios to a plain baseline measured in the same run."""
