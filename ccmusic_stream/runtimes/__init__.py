"""What the networks run on: torch and ncnn on a CPU, torch with captured graphs on a GPU."""
