// The few ways to write to the page. Text goes in as text, never as markup.

export function byId(id) {
	const node = document.getElementById(id);
	if (!node) throw new Error(`index.html has no element with the id ${id}`);
	return node;
}

export function element(tag, className = "", text = "") {
	const node = document.createElement(tag);
	if (className) node.className = className;
	if (text) node.textContent = text;
	return node;
}

export function makeBar() {
	const bar = element("span", "bar");
	bar.append(element("span", "fill"));
	return bar;
}

// Only when it differs, so that screen readers hear only news.
export function setText(node, text) {
	if (node.textContent !== text) node.textContent = text;
}

export function setTextOrHide(node, text) {
	setText(node, text);
	node.hidden = text === "";
}

export function setShare(bar, share) {
	bar.style.transform = `scaleX(${Math.min(1, Math.max(0, share)).toFixed(4)})`;
}

// One child of `parent` for each item, in their order, reusing those that exist; `keyOf(item)` names it.
export function keepChildren(parent, items, keyOf, make) {
	const existing = new Map([...parent.children].map((node) => [node.dataset.key, node]));
	let place = parent.firstElementChild;
	const nodes = [];
	for (const item of items) {
		const key = keyOf(item);
		let node = existing.get(key);
		if (node) {
			existing.delete(key);
		} else {
			node = make(item);
			node.dataset.key = key;
		}
		if (node === place) place = place.nextElementSibling;
		else parent.insertBefore(node, place);
		nodes.push(node);
	}
	for (const node of existing.values()) node.remove();
	return nodes;
}
