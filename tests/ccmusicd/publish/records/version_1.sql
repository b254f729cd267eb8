-- What ccmusicd of schema version 1 left in its state directory after a recording of 32 s, dated back by 300 days.
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE segments (
	id INTEGER NOT NULL, 
	station TEXT NOT NULL, 
	start_us BIGINT NOT NULL, 
	end_us BIGINT NOT NULL, 
	kind TEXT NOT NULL, 
	genre TEXT, 
	note TEXT, 
	probability FLOAT, 
	probability_min FLOAT, 
	agreement FLOAT, 
	divergence FLOAT, 
	titles TEXT NOT NULL, 
	trained BOOLEAN NOT NULL, 
	open BOOLEAN NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (station, start_us)
);
INSERT INTO "segments" VALUES(1,'input',1769993380598971,1769993394598971,'speech','speech',NULL,1.0,1.0,1.0,0.0,'[]',0,0);
INSERT INTO "segments" VALUES(2,'input',1769993394598971,1769993400598971,'silence',NULL,NULL,NULL,NULL,NULL,NULL,'[]',0,0);
INSERT INTO "segments" VALUES(3,'input',1769993400598971,1769993412598971,'speech','speech',NULL,1.0,1.0,1.0,0.0,'[]',0,0);
CREATE TABLE titles (
	id INTEGER NOT NULL, 
	station TEXT NOT NULL, 
	time_us BIGINT NOT NULL, 
	title TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (station, time_us)
);
CREATE INDEX segments_start ON segments (start_us);
COMMIT;
