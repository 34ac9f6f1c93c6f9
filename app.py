"""SAM2 Painter: `python app.py` serves the page, Gradio's API and plain HTTP; `--help` lists the flags."""

from sam2_painter.cli.serve import Demo, main

demo = Demo()

if __name__ == "__main__":
    main()
