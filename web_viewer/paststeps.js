// The past in steps, from the record and from what comes live. Its size does not grow.

const HEARD = new Set(["music", "speech", "uncertain"]); // as /api/v1/rolling counts
const SPLIT_BELOW = 0.8; // the daemon's own measure of a split vote, and the most that it names
const MOST_CONTENDERS = 3;

// `count` steps of `stepMs` from `first` (Unix ms). By place: `hops`, means in `shares` (of `labels`) and `divergence`, and in
// `choices` (of `models`) places in `labels`, -1 for none.
export class PastSteps {
	constructor(answer, labels, models) {
		this.stepMs = answer.step_s * 1000;
		this.first = Date.parse(answer.start);
		this.newest = answer.newest ? Date.parse(answer.newest) : -Infinity;
		this.labels = [...new Set([...labels, ...answer.labels])];
		this.models = models;
		this.count = answer.hops.length;
		this.hops = Float64Array.from(answer.hops);
		this.divergence = Float32Array.from(answer.divergence, (value) => value ?? 0);
		this.shares = new Float32Array(this.count * this.labels.length);
		this.choices = new Int16Array(this.count * models.length).fill(-1);
		this.labels.forEach((slug, i) => {
			answer.ensemble[slug]?.forEach((p, place) => (this.shares[place * this.labels.length + i] = p ?? 0));
		});
		models.forEach((name, i) => {
			answer.models[name]?.forEach((label, place) => {
				if (label !== null) this.choices[place * models.length + i] = this.labels.indexOf(answer.labels[label]);
			});
		});
		this._tally = new Float64Array(models.length * this.labels.length);
		this._tallied = NaN;
	}

	get end() {
		return this.first + this.count * this.stepMs;
	}

	add(hop) {
		const time = Date.parse(hop.time);
		if (time <= this.newest) return;
		this.newest = time;
		this.reach(time);
		const place = this.placeOf(time);
		if (place < 0 || !HEARD.has(hop.state) || Object.keys(hop.ensemble).length === 0) return;
		const n = (this.hops[place] += 1);
		const mean = (values, at, value) => (values[at] += (value - values[at]) / n);
		mean(this.divergence, place, hop.divergence);
		this.labels.forEach((slug, i) => mean(this.shares, place * this.labels.length + i, hop.ensemble[slug] ?? 0));
		this._count(place, n - 1, hop.models);
	}

	reach(time) {
		const gone = Math.min(this.count, this.placeOf(time) - this.count + 1);
		if (gone <= 0) return;
		this.first = this.stepMs * (Math.floor(time / this.stepMs) - this.count + 1);
		for (const values of [this.hops, this.divergence, this.shares, this.choices]) {
			const width = values.length / this.count;
			values.copyWithin(0, gone * width);
			values.fill(values === this.choices ? -1 : 0, (this.count - gone) * width);
		}
	}

	placeOf(time) {
		return Math.floor((time - this.first) / this.stepMs);
	}

	share(place, i) {
		return this.shares[place * this.labels.length + i];
	}

	choice(place, i) {
		return this.choices[place * this.models.length + i];
	}

	ranked(place) {
		return this.labels.map((slug, i) => [slug, this.share(place, i)]).sort((a, b) => b[1] - a[1]);
	}

	verdict(place) {
		const votes = this.models.map((_, i) => this.choice(place, i)).filter((choice) => choice >= 0);
		const count = (choice) => votes.filter((other) => other === choice).length;
		const likely = (a, b) => this.share(place, b) - this.share(place, a);
		const named = [...new Set(votes)].sort((a, b) => count(b) - count(a) || likely(a, b));
		const split = votes.length > 0 && count(named[0]) / votes.length < SPLIT_BELOW;
		const contenders = split ? [...named].sort(likely).slice(0, MOST_CONTENDERS).map((choice) => this.labels[choice]) : [];
		return { choice: named[0] ?? -1, contenders };
	}

	// The commonest first choice; the record's counts for all hops `before`.
	_count(place, before, votes) {
		const width = this.labels.length;
		const at = this.first + place * this.stepMs;
		if (this._tallied !== at) {
			this._tallied = at;
			this._tally.fill(0);
			this.models.forEach((_, i) => {
				if (this.choice(place, i) >= 0) this._tally[i * width + this.choice(place, i)] = before;
			});
		}
		this.models.forEach((name, i) => {
			const [slug, p] = votes[name]?.top5[0] ?? [];
			const label = this.labels.indexOf(slug);
			if (label < 0) return;
			this._tally[i * width + label] += 1 + p / 1e6; // The likelier of two that are as common.
			const row = this._tally.subarray(i * width, (i + 1) * width);
			this.choices[place * this.models.length + i] = row.indexOf(Math.max(...row));
		});
	}
}
