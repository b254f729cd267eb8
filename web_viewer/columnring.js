// The newest columns by absolute index; what never came is a gap.

// A longer step back (20 s) is a daemon that counts from 0 again.
const REPEAT_COLUMNS = 862;

export class ColumnRing {
	constructor(capacity, bins) {
		this.capacity = capacity;
		this.bins = bins;
		this._data = new Uint8Array(capacity * bins);
		this._present = new Uint8Array(capacity);
		this._loudest = new Uint8Array(capacity);
		this.clear();
	}

	clear() {
		this._present.fill(0);
		this._first = 0;
		this.head = 0;
		this.empty = true;
		this._restartExpected = false;
	}

	// The next columns may count from 0 again.
	expectRestart() {
		this._restartExpected = true;
	}

	get tail() {
		return Math.max(this._first, this.head - this.capacity);
	}

	put(first, columns, data) {
		const back = this.head - first;
		if (!this.empty && (back > REPEAT_COLUMNS || (this._restartExpected && back > 0))) this.clear();
		this._restartExpected = false;
		if (this.empty) {
			this.empty = false;
			this._first = first;
			this.head = first;
		}
		const end = first + columns;
		const from = Math.max(Math.min(first, this.head), Math.max(this.head, end) - this.capacity);
		for (let column = Math.max(this.head, from); column < first; column++) this._present[column % this.capacity] = 0;
		for (let column = Math.max(first, from); column < end; column++) {
			const bytes = data.subarray((column - first) * this.bins, (column - first + 1) * this.bins);
			const slot = column % this.capacity;
			this._data.set(bytes, slot * this.bins);
			this._present[slot] = 1;
			this._loudest[slot] = bytes.reduce((most, value) => Math.max(most, value), 0);
		}
		this._first = Math.min(this._first, first);
		this.head = Math.max(this.head, end);
		return [from, this.head];
	}

	has(column) {
		return column >= this.tail && column < this.head && this._present[column % this.capacity] === 1;
	}

	column(column) {
		const slot = column % this.capacity;
		return this._data.subarray(slot * this.bins, (slot + 1) * this.bins);
	}

	loudest(from, to) {
		let most = null;
		for (let column = Math.max(from, this.tail); column < Math.min(to, this.head); column++) {
			const slot = column % this.capacity;
			if (this._present[slot] && (most === null || this._loudest[slot] > most)) most = this._loudest[slot];
		}
		return most;
	}
}
