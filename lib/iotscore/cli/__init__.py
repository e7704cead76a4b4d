"""What the jobs share: arguments, configuration, the session, exit codes, closing tables."""

from iotscore.cli.job import Job, run_job

__all__ = ["Job", "run_job"]
