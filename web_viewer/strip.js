// Coloured columns on a hidden canvas: scrolling is one copy a frame.

// Column k stands at k mod capacity and one capacity further: every span is one piece.
export class Strip {
	constructor(ring) {
		this._ring = ring;
		this._canvas = document.createElement("canvas");
		this._canvas.width = 2 * ring.capacity;
		this._canvas.height = ring.bins;
		this._context = this._canvas.getContext("2d");
	}

	paint(from, to, palette) {
		const { capacity } = this._ring;
		for (let start = Math.max(from, to - capacity); start < to; ) {
			const end = Math.min(to, start - (start % capacity) + capacity);
			const image = this._image(start, end, palette);
			this._context.putImageData(image, start % capacity, 0);
			this._context.putImageData(image, (start % capacity) + capacity, 0);
			start = end;
		}
	}

	copyTo(context, start, span) {
		const { capacity, bins } = this._ring;
		const x = ((start % capacity) + capacity) % capacity;
		context.drawImage(this._canvas, x, 0, span, bins, 0, 0, context.canvas.width, context.canvas.height);
	}

	_image(from, to, palette) {
		const { bins } = this._ring;
		const width = to - from;
		const image = this._context.createImageData(width, bins);
		const pixels = new Uint32Array(image.data.buffer);
		const colours = new Uint32Array(palette.buffer);
		for (let column = from; column < to; column++) {
			if (!this._ring.has(column)) continue;
			const bytes = this._ring.column(column);
			for (let bin = 0; bin < bins; bin++) pixels[(bins - 1 - bin) * width + column - from] = colours[bytes[bin]];
		}
		return image;
	}
}
