// A bar for every genre, always in the same order.

import { byId, element, keepChildren, makeBar, setShare, setText } from "./dom.js";
import { percent } from "./format.js";
import { genreColour } from "./palette.js";
import { genreName } from "./text.js";

export class Rolling {
	render({ hello, station, hearing }) {
		if (!hello) return;
		const { labels } = hello;
		const hop = hearing ? station.hop : null;
		const rows = keepChildren(byId("genres"), labels, (label) => label.slug, makeRow);
		rows.forEach((row, i) => {
			const { slug } = labels[i];
			const p = hop?.rolling[slug] ?? 0;
			setText(row.querySelector(".name"), genreName(labels, slug));
			setText(row.querySelector(".value"), hop ? percent(p) : "–");
			row.classList.toggle("chosen", hop?.genre === slug);
			const fill = row.querySelector(".fill");
			fill.style.backgroundColor = genreColour(labels, slug);
			setShare(fill, p);
		});
	}
}

function makeRow() {
	const row = element("li", "row genre-row");
	row.append(element("span", "name"), makeBar(), element("span", "value"));
	return row;
}
