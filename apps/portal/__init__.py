"""The public side: where citizens and businesses hand in footage, over HTTP."""
