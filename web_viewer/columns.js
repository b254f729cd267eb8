// Reads the binary frames of the wire.

const HEADER_BYTES = 16;
const VERSION = 1;
const KINDS = ["cqt", "mel"];

// {kind, station (place in hello), bins, columns, first (absolute), data (each column from the lowest bin up)}, or null.
export function readColumns(buffer) {
	if (buffer.byteLength < HEADER_BYTES) return null;
	const view = new DataView(buffer);
	const kind = KINDS[view.getUint8(1)];
	const bins = view.getUint16(4, true);
	const columns = view.getUint16(6, true);
	const whole = buffer.byteLength === HEADER_BYTES + bins * columns;
	if (view.getUint8(0) !== VERSION || !kind || !whole || columns === 0) return null;
	return {
		kind,
		station: view.getUint16(2, true),
		bins,
		columns,
		first: Number(view.getBigUint64(8, true)),
		data: new Uint8Array(buffer, HEADER_BYTES),
	};
}
