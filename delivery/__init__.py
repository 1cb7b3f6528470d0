"""What goes out: images, promotion, cost, the recorded graph, generated documentation."""
