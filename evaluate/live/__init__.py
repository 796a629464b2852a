"""``tfsnn stream``: a network on a video, frame by frame, with what it decides, costs and how fast it is.

Rule: knows of frames, streams and the float model they are compared with; data sets and their labels are the pipeline's.
"""
