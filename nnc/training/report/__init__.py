"""What is shown of a run: its history as charts, and the page `report.html`."""
