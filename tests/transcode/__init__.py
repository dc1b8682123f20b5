"""Tests of transcode/."""
