"""`python -m eagle_mllm` is the `eagle` command."""

from eagle_mllm.cli.main import main

if __name__ == "__main__":
    main()
