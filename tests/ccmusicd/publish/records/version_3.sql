-- What ccmusicd of schema version 3 left in its state directory after a recording of 32 s, dated back by 300 days.
PRAGMA user_version = 3;
BEGIN TRANSACTION;
CREATE TABLE hops (
	id INTEGER NOT NULL, 
	station TEXT NOT NULL, 
	start_us BIGINT NOT NULL, 
	end_us BIGINT NOT NULL, 
	layout INTEGER NOT NULL, 
	data BLOB NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (station, start_us), 
	FOREIGN KEY(layout) REFERENCES layouts (id)
);
INSERT INTO "hops" VALUES(1,'input',1770013232971490,1770013259929857,1,X'011C00110000000FF4076471147C349FDC87ECB25EA4D3BED8211EE9587AE81B0D299EF2A6CE13E7200A0D6017804E2858749F38763A44C53DA04A4BB4FFE9E71BE9C0E00D4EAE8737212F4841DD103300341964F876450DA0C5178E2B6E96656AB71A35E2E32E0C5AADF5FA5983C1');
INSERT INTO "hops" VALUES(2,'input',1770013260928315,1770013263923690,1,X'010400110000000FF426D08D63B987F9602420B983D6EFD7CB3BF1C41812FC4C5DAD5B1560127AE22DFFF8E33800');
CREATE TABLE layouts (
	id INTEGER NOT NULL, 
	digest TEXT NOT NULL, 
	content TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (digest)
);
INSERT INTO "layouts" VALUES(1,'864b1a168036552d390db8eefa19f9c652df5a8a247ff98196a6205ab26e8e01','{"bundle": "light", "labels": ["jazz", "rock", "speech"], "models": ["mobilenet_v3_large_cqt"], "networks": ["ab65cd3d84aaf409"]}');
CREATE TABLE segments (
	id INTEGER NOT NULL, 
	station TEXT NOT NULL, 
	start_us BIGINT NOT NULL, 
	end_us BIGINT NOT NULL, 
	kind TEXT NOT NULL, 
	genre TEXT, 
	note TEXT, 
	error_s FLOAT, 
	blend_from TEXT, 
	blend_start_us BIGINT, 
	blend_end_us BIGINT, 
	probability FLOAT, 
	probability_min FLOAT, 
	agreement FLOAT, 
	divergence FLOAT, 
	models TEXT, 
	level_dbfs FLOAT, 
	titles TEXT NOT NULL, 
	trained BOOLEAN NOT NULL, 
	open BOOLEAN NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (station, start_us)
);
INSERT INTO "segments" VALUES(1,'input',1770013231973032,1770013244973032,'speech','speech',NULL,0.0,NULL,NULL,NULL,1.0,1.0,1.0,0.0,'{"mobilenet_v3_large_cqt": "speech"}',-2.1817076299917047776e+01,'[]',0,0);
INSERT INTO "segments" VALUES(2,'input',1770013244973032,1770013250973032,'silence',NULL,NULL,0.1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'{}',-120.0,'[]',0,0);
INSERT INTO "segments" VALUES(3,'input',1770013250973032,1770013263973032,'speech','speech',NULL,0.1,NULL,NULL,NULL,1.0,1.0,1.0,0.0,'{"mobilenet_v3_large_cqt": "speech"}',-2.0068580878504860721e+01,'[]',0,0);
CREATE TABLE titles (
	id INTEGER NOT NULL, 
	station TEXT NOT NULL, 
	time_us BIGINT NOT NULL, 
	title TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (station, time_us)
);
CREATE INDEX segments_start ON segments (start_us);
CREATE INDEX hops_start ON hops (start_us);
COMMIT;
