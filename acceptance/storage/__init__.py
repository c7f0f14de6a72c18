"""Object stores that speak S3: where a run may write, what it does there, and what is wrong with a store."""
