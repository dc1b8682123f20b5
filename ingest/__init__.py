"""Intake: submissions, the job pipeline and its actors."""
