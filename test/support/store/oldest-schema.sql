-- What the first release's program left in Postgres: its schema, and calls in every state that an upgrade must carry on.
-- Sealed with HOLDFAST_SECRET = 40 times the letter s; nothing expires before 2036. Never edit.

CREATE SCHEMA holdfast;

CREATE TABLE holdfast.approvals (
    id text NOT NULL,
    state text NOT NULL,
    revision integer NOT NULL,
    server text NOT NULL,
    tool text NOT NULL,
    grant_name text NOT NULL,
    owner text,
    self_approval boolean NOT NULL,
    fingerprint text NOT NULL,
    requirement json NOT NULL,
    arguments json NOT NULL,
    trace json NOT NULL,
    stated_reason text,
    previous_unknown text,
    policy_digest text NOT NULL,
    request bytea,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    pickup_until timestamp with time zone,
    lease_until timestamp with time zone,
    dispatcher text,
    note text,
    result bytea,
    result_until timestamp with time zone,
    shown integer DEFAULT 0 NOT NULL,
    updated_at timestamp with time zone NOT NULL
);

CREATE TABLE holdfast.cards (
    approval_id text NOT NULL,
    channel text NOT NULL,
    ts text,
    revision integer NOT NULL,
    digest text NOT NULL,
    posted_at timestamp with time zone
);

CREATE TABLE holdfast.checkpoints (
    seq bigint NOT NULL,
    hash text NOT NULL,
    at timestamp with time zone NOT NULL,
    body text NOT NULL,
    signature text NOT NULL
);

CREATE TABLE holdfast.counters (
    key text NOT NULL,
    window_start timestamp with time zone NOT NULL,
    window_end timestamp with time zone NOT NULL,
    used numeric NOT NULL
);

CREATE TABLE holdfast.decisions (
    approval_id text NOT NULL,
    approver text NOT NULL,
    choice text NOT NULL,
    reason text,
    via text NOT NULL,
    self boolean NOT NULL,
    user_group text,
    at timestamp with time zone NOT NULL
);

CREATE TABLE holdfast.events (
    n bigint NOT NULL,
    body text NOT NULL,
    type text NOT NULL,
    at timestamp with time zone NOT NULL,
    approval_id text,
    server text,
    tool text,
    grant_name text,
    actor text NOT NULL,
    seq bigint,
    hash text
);

ALTER TABLE holdfast.events ALTER COLUMN n ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME holdfast.events_n_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE holdfast.joiners (
    id text NOT NULL,
    approval_id text NOT NULL,
    session text,
    request_id text NOT NULL,
    replica text,
    joined_at timestamp with time zone NOT NULL,
    collected_at timestamp with time zone,
    left_at timestamp with time zone
);

CREATE TABLE holdfast.kysely_migration (
    name character varying(255) NOT NULL,
    "timestamp" character varying(255) NOT NULL
);

CREATE TABLE holdfast.kysely_migration_lock (
    id character varying(255) NOT NULL,
    is_locked integer DEFAULT 0 NOT NULL
);

CREATE TABLE holdfast.replicas (
    id text NOT NULL,
    seen_at timestamp with time zone NOT NULL
);

CREATE TABLE holdfast.sessions (
    id text NOT NULL,
    server text NOT NULL,
    grant_name text NOT NULL,
    opened_at timestamp with time zone NOT NULL
);

INSERT INTO holdfast.approvals VALUES ('ap_01m81e2xpg60xjjj3v88s7ryhd', 'pending', 1, 'tools', 'create_key', 'agent', 'U0SAM', false, '9f94b9a4b36bcf71a4ce1c71dad2e34023a5d017af32f9e0c02132e8d7666944', '{"groups":["security"],"people":["U0MIRA","U0ALEX"],"userGroups":[],"admin":true,"quorum":1,"denyReason":"optional","remindMs":null,"escalate":null}', '{"name":"pending"}', '{"rule":"create_key","risk":null,"severity":null,"reason":null,"steps":[{"path":"tools.create_key.action","says":"action is require_approval","decided":true}]}', NULL, NULL, '19e526af863786f59a546cf223c31ffe039e1f6b61076b859cc21caa807dc105', '\x0188556e4e3c5aa91ff56af08dd1a7746cf730846187b4da02d0b6cbf7ff7765e265b041ad18934715d7dab662f0c9c43493b887bb2d562cf3d572f9c0e2d3238bb68400cd02b7f193014989988998923212d33d869643eba60723e15b7576d82be5866d5aabcd11ebed2ce28d56083738a63851ef94dd21a062aa9067442657670bf82ecb56ec9eaab11aa531', '2026-11-22 10:51:00.176+00', '2036-11-19 10:51:00.176+00', NULL, NULL, NULL, NULL, NULL, NULL, 1, '2026-11-22 10:51:00.176+00');
INSERT INTO holdfast.approvals VALUES ('ap_01m81e2yrenp52twkygrghhr4v', 'approved', 2, 'tools', 'create_key', 'agent', 'U0SAM', false, '89996eb8b4b556a4ccd38c4db94aa29b3f7fe738bed4021e1f4622240ccc7fa4', '{"groups":["security"],"people":["U0MIRA","U0ALEX"],"userGroups":[],"admin":true,"quorum":1,"denyReason":"optional","remindMs":null,"escalate":null}', '{"name":"approved"}', '{"rule":"create_key","risk":null,"severity":null,"reason":null,"steps":[{"path":"tools.create_key.action","says":"action is require_approval","decided":true}]}', NULL, NULL, '19e526af863786f59a546cf223c31ffe039e1f6b61076b859cc21caa807dc105', '\x0188556e4e1463023c4b6f905e1022b30497dde4d1ea3740a005e1b70596ac58697ee58da7295049a63140fafa5cdb4fdae87e6fecb7a9625fb4367fe67e2d766c88c13a7fd3f09cc6d46cc908c410beb8e9a47a20a4e58074cacb1fd4e51416dc907263c3716ef21fb07e101956cbf28cdb604160d8f7116c05e348e0dfa46cc37b0308e267fa0ec48f8ba2c22e', '2026-11-22 10:51:01.262+00', '2036-11-19 10:51:01.262+00', '2036-11-19 10:51:02.401+00', NULL, NULL, NULL, NULL, NULL, 2, '2026-11-22 10:51:02.403567+00');
INSERT INTO holdfast.approvals VALUES ('ap_01m81e2zxfyr685drwetp0kzeg', 'denied', 2, 'tools', 'create_key', 'agent', 'U0SAM', false, 'f4ba9ed5bc9ab1551aafd8c1c6b262b154202215f05b113cb061d61201a8d159', '{"groups":["security"],"people":["U0MIRA","U0ALEX"],"userGroups":[],"admin":true,"quorum":1,"denyReason":"optional","remindMs":null,"escalate":null}', '{"name":"denied"}', '{"rule":"create_key","risk":null,"severity":null,"reason":null,"steps":[{"path":"tools.create_key.action","says":"action is require_approval","decided":true}]}', NULL, NULL, '19e526af863786f59a546cf223c31ffe039e1f6b61076b859cc21caa807dc105', NULL, '2026-11-22 10:51:02.447+00', '2036-11-19 10:51:02.447+00', NULL, NULL, NULL, NULL, NULL, NULL, 2, '2026-11-22 10:51:03.701472+00');
INSERT INTO holdfast.approvals VALUES ('ap_01m81e3172xn3x8tzem3crzc62', 'succeeded', 5, 'tools', 'create_key', 'agent', 'U0SAM', false, '42f23dbac046bdc464178e67382f8de020231354300e8c8616fcbc960b0204e0', '{"groups":["security"],"people":["U0MIRA","U0ALEX"],"userGroups":[],"admin":true,"quorum":1,"denyReason":"optional","remindMs":null,"escalate":null}', '{"name":"succeeded"}', '{"rule":"create_key","risk":null,"severity":null,"reason":null,"steps":[{"path":"tools.create_key.action","says":"action is require_approval","decided":true}]}', NULL, NULL, '19e526af863786f59a546cf223c31ffe039e1f6b61076b859cc21caa807dc105', NULL, '2026-11-22 10:51:03.778+00', '2036-11-19 10:51:03.778+00', '2036-11-19 10:51:05.143+00', NULL, NULL, NULL, '\x0188556e4ee1ca640582c5ecfbafc4cf022d1eeb8625d425f81ed54e245766b40f92151b0f727c9b055daa20bd09d7c18276fbfe796a0cd3cf50a134cd7d5e9a653ced5f44a114029b3f18f804d6b7095ba3832a70023b2f44e2b7a126d0690c4d6da481ec530cd1d34182b0ba08f4e01e8c0d0628', '2036-11-19 10:51:07.708+00', 5, '2026-11-22 10:51:07.71373+00');
INSERT INTO holdfast.approvals VALUES ('ap_01m81e354bpxq1ea94adgb7m86', 'succeeded', 4, 'tools', 'burst', 'agent', 'U0SAM', false, 'f0fa37d3d2b765797ef7f5886cdfcf319a86b65b8221f0cb72ab81fcc19d9836', '{"groups":["security"],"people":["U0MIRA","U0ALEX"],"userGroups":[],"admin":true,"quorum":1,"denyReason":"optional","remindMs":null,"escalate":null}', '{"name":"used"}', '{"rule":"burst","risk":null,"severity":null,"reason":null,"steps":[{"path":"tools.burst.action","says":"action is require_approval","decided":true}]}', NULL, NULL, '19e526af863786f59a546cf223c31ffe039e1f6b61076b859cc21caa807dc105', NULL, '2026-11-22 10:51:07.787+00', '2036-11-19 10:51:07.787+00', '2036-11-19 10:51:08.078+00', NULL, NULL, NULL, NULL, NULL, 4, '2026-11-22 10:51:08.181077+00');

INSERT INTO holdfast.cards VALUES ('ap_01m81e2xpg60xjjj3v88s7ryhd', 'C0APPROVALS', '1795344660.331000', 1, 'pending.0.32283d5ebafa66190b3b7d7c1469209a766119c46202184923e2e68e439e1ed0', '2026-11-22 10:51:00.338+00');
INSERT INTO holdfast.cards VALUES ('ap_01m81e2yrenp52twkygrghhr4v', 'C0APPROVALS', '1795344661.290000', 2, 'approved.1.7ef369b7d0a1766247973642a625cf9dfadc6f8ebd9719bf148ba9362823211c', '2026-11-22 10:51:01.294+00');
INSERT INTO holdfast.cards VALUES ('ap_01m81e2zxfyr685drwetp0kzeg', 'C0APPROVALS', '1795344662.488000', 2, 'denied.1.77f6ee02afa6b6a466517d41367fd36db92ecd137fceabd94d429c05218da862', '2026-11-22 10:51:02.49+00');
INSERT INTO holdfast.cards VALUES ('ap_01m81e3172xn3x8tzem3crzc62', 'C0APPROVALS', '1795344663.895000', 5, 'succeeded.1.c7f41b91761dda6be8cdc19a0f44705604ed3c9d94cb482a280dfa25ac49fc42', '2026-11-22 10:51:03.903+00');
INSERT INTO holdfast.cards VALUES ('ap_01m81e354bpxq1ea94adgb7m86', 'C0APPROVALS', '1795344668.037000', 4, 'succeeded.1.acccc5578f5ff111aa96dfc0b0081c9109c9a714c92c9c857bd0ffe8cd626331', '2026-11-22 10:51:08.039+00');

INSERT INTO holdfast.counters VALUES ('["tools","bursts","grant","agent","day"]', '2026-11-22 00:00:00+00', '2026-11-23 00:00:00+00', 1);

INSERT INTO holdfast.decisions VALUES ('ap_01m81e2yrenp52twkygrghhr4v', 'U0MIRA', 'approve', NULL, 'slack', false, NULL, '2026-11-22 10:51:02.401+00');
INSERT INTO holdfast.decisions VALUES ('ap_01m81e2zxfyr685drwetp0kzeg', 'U0ALEX', 'deny', 'not today', 'slack', false, NULL, '2026-11-22 10:51:03.693+00');
INSERT INTO holdfast.decisions VALUES ('ap_01m81e3172xn3x8tzem3crzc62', 'U0MIRA', 'approve', NULL, 'slack', false, NULL, '2026-11-22 10:51:05.143+00');
INSERT INTO holdfast.decisions VALUES ('ap_01m81e354bpxq1ea94adgb7m86', 'U0MIRA', 'approve', NULL, 'slack', false, NULL, '2026-11-22 10:51:08.078+00');

INSERT INTO holdfast.events OVERRIDING SYSTEM VALUE VALUES (1, '{"actor":"holdfast","approval":null,"at":"2026-11-22T10:51:00.070Z","data":{"replica":"vm-24973-339aee41"},"grant":null,"server":null,"tool":null,"type":"gateway.started"}', 'gateway.started', '2026-11-22 10:51:00.07+00', NULL, NULL, NULL, NULL, 'holdfast', 1, '7c1c133b3309e202ed32cdf25ed5bfad141e575311f7750f212175d538ceeb3f');
INSERT INTO holdfast.events OVERRIDING SYSTEM VALUE VALUES (2, '{"actor":"holdfast","approval":null,"at":"2026-11-22T10:51:00.103Z","data":{"tools":"19e526af863786f59a546cf223c31ffe039e1f6b61076b859cc21caa807dc105"},"grant":null,"server":null,"tool":null,"type":"policy.loaded"}', 'policy.loaded', '2026-11-22 10:51:00.103+00', NULL, NULL, NULL, NULL, 'holdfast', 2, '36c294445c3caf6da5aa126612a6b2d16d2ee1645347958b7f1576375e0c6662');
INSERT INTO holdfast.events OVERRIDING SYSTEM VALUE VALUES (3, '{"actor":"grant:agent","approval":"ap_01m81e2xpg60xjjj3v88s7ryhd","at":"2026-11-22T10:51:00.176Z","data":{"approvers":["security"],"arguments":{"name":"pending"},"expiresAt":"2036-11-19T10:51:00.176Z","fingerprint":"9f94b9a4b36bcf71a4ce1c71dad2e34023a5d017af32f9e0c02132e8d7666944","owner":"U0SAM","policy":"19e526af863786f59a546cf223c31ffe039e1f6b61076b859cc21caa807dc105","quorum":1,"reason":null,"rule":"create_key"},"grant":"agent","server":"tools","tool":"create_key","type":"approval.requested"}', 'approval.requested', '2026-11-22 10:51:00.176+00', 'ap_01m81e2xpg60xjjj3v88s7ryhd', 'tools', 'create_key', 'agent', 'grant:agent', 3, 'f3825864209d07b022de1a8d5bc40e15a2c23f8273e7698d8a91d5d777f39ded');
INSERT INTO holdfast.events OVERRIDING SYSTEM VALUE VALUES (4, '{"actor":"holdfast","approval":"ap_01m81e2xpg60xjjj3v88s7ryhd","at":"2026-11-22T10:51:00.338Z","data":{"channel":"C0APPROVALS","digest":"pending.0.32283d5ebafa66190b3b7d7c1469209a766119c46202184923e2e68e439e1ed0","revision":1,"state":"pending","ts":"1795344660.331000"},"grant":"agent","server":"tools","tool":"create_key","type":"card.posted"}', 'card.posted', '2026-11-22 10:51:00.338+00', 'ap_01m81e2xpg60xjjj3v88s7ryhd', 'tools', 'create_key', 'agent', 'holdfast', 4, 'df9460d629954f4d2a6d60c963d0b46e16d3b29bf59173652c0672aafa97512d');
INSERT INTO holdfast.events OVERRIDING SYSTEM VALUE VALUES (5, '{"actor":"grant:agent","approval":"ap_01m81e2yrenp52twkygrghhr4v","at":"2026-11-22T10:51:01.262Z","data":{"approvers":["security"],"arguments":{"name":"approved"},"expiresAt":"2036-11-19T10:51:01.262Z","fingerprint":"89996eb8b4b556a4ccd38c4db94aa29b3f7fe738bed4021e1f4622240ccc7fa4","owner":"U0SAM","policy":"19e526af863786f59a546cf223c31ffe039e1f6b61076b859cc21caa807dc105","quorum":1,"reason":null,"rule":"create_key"},"grant":"agent","server":"tools","tool":"create_key","type":"approval.requested"}', 'approval.requested', '2026-11-22 10:51:01.262+00', 'ap_01m81e2yrenp52twkygrghhr4v', 'tools', 'create_key', 'agent', 'grant:agent', 5, '6cf9a260b5b20aaced5acabdc83353cbf3f9a65fcfb5b55f356f6375b72f5eea');
INSERT INTO holdfast.events OVERRIDING SYSTEM VALUE VALUES (6, '{"actor":"holdfast","approval":"ap_01m81e2yrenp52twkygrghhr4v","at":"2026-11-22T10:51:01.294Z","data":{"channel":"C0APPROVALS","digest":"pending.0.54cd79194cf7f4200363705fdb4cdff178a0a136177bcc22d47e1bda36092a4b","revision":1,"state":"pending","ts":"1795344661.290000"},"grant":"agent","server":"tools","tool":"create_key","type":"card.posted"}', 'card.posted', '2026-11-22 10:51:01.294+00', 'ap_01m81e2yrenp52twkygrghhr4v', 'tools', 'create_key', 'agent', 'holdfast', 6, 'afa96bf50b4b59dd80713cc0161dc9235e2461ff55d3434a103b0d38133cc4e9');
INSERT INTO holdfast.events OVERRIDING SYSTEM VALUE VALUES (7, '{"actor":"slack:U0MIRA","approval":"ap_01m81e2yrenp52twkygrghhr4v","at":"2026-11-22T10:51:02.401Z","data":{"choice":"approve","fingerprint":"89996eb8b4b556a4ccd38c4db94aa29b3f7fe738bed4021e1f4622240ccc7fa4","quorum":1,"reason":null,"self":false,"state":"approved","userGroup":null,"via":"slack"},"grant":"agent","server":"tools","tool":"create_key","type":"approval.decided"}', 'approval.decided', '2026-11-22 10:51:02.401+00', 'ap_01m81e2yrenp52twkygrghhr4v', 'tools', 'create_key', 'agent', 'slack:U0MIRA', 7, '31e40a261e0d44d97f2137848404ee2a03d2f7dfc1f3b38f94a24cb3323eee0f');
INSERT INTO holdfast.events OVERRIDING SYSTEM VALUE VALUES (8, '{"actor":"holdfast","approval":"ap_01m81e2yrenp52twkygrghhr4v","at":"2026-11-22T10:51:02.449Z","data":{"channel":"C0APPROVALS","digest":"approved.1.7ef369b7d0a1766247973642a625cf9dfadc6f8ebd9719bf148ba9362823211c","revision":2,"state":"approved","ts":"1795344661.290000"},"grant":"agent","server":"tools","tool":"create_key","type":"card.updated"}', 'card.updated', '2026-11-22 10:51:02.449+00', 'ap_01m81e2yrenp52twkygrghhr4v', 'tools', 'create_key', 'agent', 'holdfast', 8, '5bf66c70d67879288ca92cb390b861bb1dab16fd331b08d41404f327e1789aab');
INSERT INTO holdfast.events OVERRIDING SYSTEM VALUE VALUES (9, '{"actor":"grant:agent","approval":"ap_01m81e2zxfyr685drwetp0kzeg","at":"2026-11-22T10:51:02.447Z","data":{"approvers":["security"],"arguments":{"name":"denied"},"expiresAt":"2036-11-19T10:51:02.447Z","fingerprint":"f4ba9ed5bc9ab1551aafd8c1c6b262b154202215f05b113cb061d61201a8d159","owner":"U0SAM","policy":"19e526af863786f59a546cf223c31ffe039e1f6b61076b859cc21caa807dc105","quorum":1,"reason":null,"rule":"create_key"},"grant":"agent","server":"tools","tool":"create_key","type":"approval.requested"}', 'approval.requested', '2026-11-22 10:51:02.447+00', 'ap_01m81e2zxfyr685drwetp0kzeg', 'tools', 'create_key', 'agent', 'grant:agent', 9, 'd77270bdb575582b3a08d685406b178bd91f127fe35683d0709c3c059b1ce056');
INSERT INTO holdfast.events OVERRIDING SYSTEM VALUE VALUES (18, '{"actor":"holdfast","approval":"ap_01m81e3172xn3x8tzem3crzc62","at":"2026-11-22T10:51:05.177Z","data":{"channel":"C0APPROVALS","digest":"approved.1.fe704040ba4cbf260799aacadc2d50631d96756c92aef666b7956ccdec268768","revision":3,"state":"approved","ts":"1795344663.895000"},"grant":"agent","server":"tools","tool":"create_key","type":"card.updated"}', 'card.updated', '2026-11-22 10:51:05.177+00', 'ap_01m81e3172xn3x8tzem3crzc62', 'tools', 'create_key', 'agent', 'holdfast', 18, '5873236d731d1674401e7cfa6ac689c95f327720eac7d3919b456084cef0739a');
INSERT INTO holdfast.events OVERRIDING SYSTEM VALUE VALUES (10, '{"actor":"holdfast","approval":"ap_01m81e2zxfyr685drwetp0kzeg","at":"2026-11-22T10:51:02.490Z","data":{"channel":"C0APPROVALS","digest":"pending.0.2021b20ccc16f2736fa5abfbe52b2d16bbe06559ef5e2cd09eb1b7042b115b9d","revision":1,"state":"pending","ts":"1795344662.488000"},"grant":"agent","server":"tools","tool":"create_key","type":"card.posted"}', 'card.posted', '2026-11-22 10:51:02.49+00', 'ap_01m81e2zxfyr685drwetp0kzeg', 'tools', 'create_key', 'agent', 'holdfast', 10, '24cdb4f591a5230ef49fcbf620ff72eb594dd737e21db9cecaedc25b7fd4dba2');
INSERT INTO holdfast.events OVERRIDING SYSTEM VALUE VALUES (11, '{"actor":"slack:U0ALEX","approval":"ap_01m81e2zxfyr685drwetp0kzeg","at":"2026-11-22T10:51:03.693Z","data":{"choice":"deny","fingerprint":"f4ba9ed5bc9ab1551aafd8c1c6b262b154202215f05b113cb061d61201a8d159","quorum":1,"reason":"not today","self":false,"state":"denied","userGroup":null,"via":"slack"},"grant":"agent","server":"tools","tool":"create_key","type":"approval.decided"}', 'approval.decided', '2026-11-22 10:51:03.693+00', 'ap_01m81e2zxfyr685drwetp0kzeg', 'tools', 'create_key', 'agent', 'slack:U0ALEX', 11, '300114bc234cc49a00aad9e124d133fa596c2f8463c22e4b5cda1d17b23cbf38');
INSERT INTO holdfast.events OVERRIDING SYSTEM VALUE VALUES (12, '{"actor":"holdfast","approval":"ap_01m81e2zxfyr685drwetp0kzeg","at":"2026-11-22T10:51:03.817Z","data":{"channel":"C0APPROVALS","digest":"denied.1.77f6ee02afa6b6a466517d41367fd36db92ecd137fceabd94d429c05218da862","revision":2,"state":"denied","ts":"1795344662.488000"},"grant":"agent","server":"tools","tool":"create_key","type":"card.updated"}', 'card.updated', '2026-11-22 10:51:03.817+00', 'ap_01m81e2zxfyr685drwetp0kzeg', 'tools', 'create_key', 'agent', 'holdfast', 12, '28a1ca80fd6fa88765e4c01d6af31926f58403681a4eb96fe5379dea438bf511');
INSERT INTO holdfast.events OVERRIDING SYSTEM VALUE VALUES (13, '{"actor":"grant:agent","approval":"ap_01m81e3172xn3x8tzem3crzc62","at":"2026-11-22T10:51:03.778Z","data":{"approvers":["security"],"arguments":{"name":"succeeded"},"expiresAt":"2036-11-19T10:51:03.778Z","fingerprint":"42f23dbac046bdc464178e67382f8de020231354300e8c8616fcbc960b0204e0","owner":"U0SAM","policy":"19e526af863786f59a546cf223c31ffe039e1f6b61076b859cc21caa807dc105","quorum":1,"reason":null,"rule":"create_key"},"grant":"agent","server":"tools","tool":"create_key","type":"approval.requested"}', 'approval.requested', '2026-11-22 10:51:03.778+00', 'ap_01m81e3172xn3x8tzem3crzc62', 'tools', 'create_key', 'agent', 'grant:agent', 13, 'd13e0bca0099be4998bcf785479556898f4c9fe6849c79fc763a192772f8e098');
INSERT INTO holdfast.events OVERRIDING SYSTEM VALUE VALUES (14, '{"actor":"holdfast","approval":"ap_01m81e3172xn3x8tzem3crzc62","at":"2026-11-22T10:51:03.903Z","data":{"channel":"C0APPROVALS","digest":"pending.0.017816a112d0b4841bb58069a5ef9a1fa00eab92a03a580b1991b16b73bac330","revision":1,"state":"pending","ts":"1795344663.895000"},"grant":"agent","server":"tools","tool":"create_key","type":"card.posted"}', 'card.posted', '2026-11-22 10:51:03.903+00', 'ap_01m81e3172xn3x8tzem3crzc62', 'tools', 'create_key', 'agent', 'holdfast', 14, '048ab82d12ddceac17836bcdd30bbe7a40b9e0a921abb6b7ea9e56ca60c43906');
INSERT INTO holdfast.events OVERRIDING SYSTEM VALUE VALUES (15, '{"actor":"grant:agent","approval":"ap_01m81e3172xn3x8tzem3crzc62","at":"2026-11-22T10:51:03.986Z","data":{"approvers":["security"],"arguments":{"name":"succeeded"},"expiresAt":"2036-11-19T10:51:03.986Z","fingerprint":"42f23dbac046bdc464178e67382f8de020231354300e8c8616fcbc960b0204e0","owner":"U0SAM","policy":"19e526af863786f59a546cf223c31ffe039e1f6b61076b859cc21caa807dc105","quorum":1,"reason":null,"rule":"create_key"},"grant":"agent","server":"tools","tool":"create_key","type":"approval.joined"}', 'approval.joined', '2026-11-22 10:51:03.986+00', 'ap_01m81e3172xn3x8tzem3crzc62', 'tools', 'create_key', 'agent', 'grant:agent', 15, 'ccd960108b2c6c91d26ef9ec4a77adda6c619ee39340287e405a6648f5b6a577');
INSERT INTO holdfast.events OVERRIDING SYSTEM VALUE VALUES (16, '{"actor":"holdfast","approval":"ap_01m81e3172xn3x8tzem3crzc62","at":"2026-11-22T10:51:04.072Z","data":{"channel":"C0APPROVALS","digest":"pending.0.145568ef8f4299522505d9077a5803c5c28e767a8c63bef10da51f420ce95fb3","revision":2,"state":"pending","ts":"1795344663.895000"},"grant":"agent","server":"tools","tool":"create_key","type":"card.updated"}', 'card.updated', '2026-11-22 10:51:04.072+00', 'ap_01m81e3172xn3x8tzem3crzc62', 'tools', 'create_key', 'agent', 'holdfast', 16, 'c2e42454f11471ad6a9642c9dba16bde8c11d2782639fe3fcef1c05a58251d29');
INSERT INTO holdfast.events OVERRIDING SYSTEM VALUE VALUES (17, '{"actor":"slack:U0MIRA","approval":"ap_01m81e3172xn3x8tzem3crzc62","at":"2026-11-22T10:51:05.143Z","data":{"choice":"approve","fingerprint":"42f23dbac046bdc464178e67382f8de020231354300e8c8616fcbc960b0204e0","quorum":1,"reason":null,"self":false,"state":"approved","userGroup":null,"via":"slack"},"grant":"agent","server":"tools","tool":"create_key","type":"approval.decided"}', 'approval.decided', '2026-11-22 10:51:05.143+00', 'ap_01m81e3172xn3x8tzem3crzc62', 'tools', 'create_key', 'agent', 'slack:U0MIRA', 17, '34b3eac52701d251167c97cacc649aeab42cfe2d04714f7edbab6c5864f9dfec');
INSERT INTO holdfast.events OVERRIDING SYSTEM VALUE VALUES (19, '{"actor":"holdfast","approval":"ap_01m81e3172xn3x8tzem3crzc62","at":"2026-11-22T10:51:05.163Z","data":{"fingerprint":"42f23dbac046bdc464178e67382f8de020231354300e8c8616fcbc960b0204e0","joiner":"jo_01m81e3172m6gpj12xpacrz2qe","limits":[],"policy":"19e526af863786f59a546cf223c31ffe039e1f6b61076b859cc21caa807dc105","rule":"create_key"},"grant":"agent","server":"tools","tool":"create_key","type":"call.dispatched"}', 'call.dispatched', '2026-11-22 10:51:05.163+00', 'ap_01m81e3172xn3x8tzem3crzc62', 'tools', 'create_key', 'agent', 'holdfast', 19, 'ca5a845c3ab4ec016f8e699d74cf9063c6184a6beaa070a6cdbfb86360148ed8');
INSERT INTO holdfast.events OVERRIDING SYSTEM VALUE VALUES (20, '{"actor":"holdfast","approval":"ap_01m81e3172xn3x8tzem3crzc62","at":"2026-11-22T10:51:05.219Z","data":{"channel":"C0APPROVALS","digest":"dispatched.1.77f47122da736ee391187068ff58f3bef6308c9059a72c3dfbb9647e3e6b99e4","revision":4,"state":"dispatched","ts":"1795344663.895000"},"grant":"agent","server":"tools","tool":"create_key","type":"card.updated"}', 'card.updated', '2026-11-22 10:51:05.219+00', 'ap_01m81e3172xn3x8tzem3crzc62', 'tools', 'create_key', 'agent', 'holdfast', 20, '31760b5408e260a97574dcd1ce57b4db2575f2f411ba713081dce5c04e508ca2');
INSERT INTO holdfast.events OVERRIDING SYSTEM VALUE VALUES (32, '{"actor":"holdfast","approval":null,"at":"2026-11-22T10:51:10.233Z","data":{"replica":"vm-24973-339aee41"},"grant":null,"server":null,"tool":null,"type":"gateway.stopped"}', 'gateway.stopped', '2026-11-22 10:51:10.233+00', NULL, NULL, NULL, NULL, 'holdfast', NULL, NULL);
INSERT INTO holdfast.events OVERRIDING SYSTEM VALUE VALUES (21, '{"actor":"holdfast","approval":"ap_01m81e3172xn3x8tzem3crzc62","at":"2026-11-22T10:51:07.708Z","data":{"bytes":84,"fingerprint":"42f23dbac046bdc464178e67382f8de020231354300e8c8616fcbc960b0204e0"},"grant":"agent","server":"tools","tool":"create_key","type":"call.succeeded"}', 'call.succeeded', '2026-11-22 10:51:07.708+00', 'ap_01m81e3172xn3x8tzem3crzc62', 'tools', 'create_key', 'agent', 'holdfast', 21, 'd14989089f3599cf74c31ca8aa199e0a83817773176cefee0b648e687b4a4b61');
INSERT INTO holdfast.events OVERRIDING SYSTEM VALUE VALUES (22, '{"actor":"grant:agent","approval":"ap_01m81e3172xn3x8tzem3crzc62","at":"2026-11-22T10:51:07.735Z","data":{"joiner":"jo_01m81e3172m6gpj12xpacrz2qe","state":"succeeded","votes":1},"grant":"agent","server":"tools","tool":"create_key","type":"approval.collected"}', 'approval.collected', '2026-11-22 10:51:07.735+00', 'ap_01m81e3172xn3x8tzem3crzc62', 'tools', 'create_key', 'agent', 'grant:agent', 22, 'ceb4214ee0dde524c93bc30bff27cb385fe597e207cb53a5b634ce9aeb595a95');
INSERT INTO holdfast.events OVERRIDING SYSTEM VALUE VALUES (23, '{"actor":"holdfast","approval":"ap_01m81e3172xn3x8tzem3crzc62","at":"2026-11-22T10:51:07.831Z","data":{"channel":"C0APPROVALS","digest":"succeeded.1.c7f41b91761dda6be8cdc19a0f44705604ed3c9d94cb482a280dfa25ac49fc42","revision":5,"state":"succeeded","ts":"1795344663.895000"},"grant":"agent","server":"tools","tool":"create_key","type":"card.updated"}', 'card.updated', '2026-11-22 10:51:07.831+00', 'ap_01m81e3172xn3x8tzem3crzc62', 'tools', 'create_key', 'agent', 'holdfast', 23, '88e781e417c0490a163be8022d24d1cc1a0d93867dd657ceae81c91b45d85b42');
INSERT INTO holdfast.events OVERRIDING SYSTEM VALUE VALUES (24, '{"actor":"grant:agent","approval":"ap_01m81e354bpxq1ea94adgb7m86","at":"2026-11-22T10:51:07.787Z","data":{"approvers":["security"],"arguments":{"name":"used"},"expiresAt":"2036-11-19T10:51:07.787Z","fingerprint":"f0fa37d3d2b765797ef7f5886cdfcf319a86b65b8221f0cb72ab81fcc19d9836","owner":"U0SAM","policy":"19e526af863786f59a546cf223c31ffe039e1f6b61076b859cc21caa807dc105","quorum":1,"reason":null,"rule":"burst"},"grant":"agent","server":"tools","tool":"burst","type":"approval.requested"}', 'approval.requested', '2026-11-22 10:51:07.787+00', 'ap_01m81e354bpxq1ea94adgb7m86', 'tools', 'burst', 'agent', 'grant:agent', 24, '75c92cfa4c6163da0be3d91d5b8ced3a5d92b5a5a6d555c08ff0f525439a0899');
INSERT INTO holdfast.events OVERRIDING SYSTEM VALUE VALUES (25, '{"actor":"holdfast","approval":"ap_01m81e354bpxq1ea94adgb7m86","at":"2026-11-22T10:51:08.039Z","data":{"channel":"C0APPROVALS","digest":"pending.0.76cedf8b246a9259ef579dc81eb2825470099a03b9d17211ef9779b809eaaf7c","revision":1,"state":"pending","ts":"1795344668.037000"},"grant":"agent","server":"tools","tool":"burst","type":"card.posted"}', 'card.posted', '2026-11-22 10:51:08.039+00', 'ap_01m81e354bpxq1ea94adgb7m86', 'tools', 'burst', 'agent', 'holdfast', 25, '7b6647e8eda0c6b3661a6cd3709b9ea969940904582ffb602ed4188444bbee35');
INSERT INTO holdfast.events OVERRIDING SYSTEM VALUE VALUES (28, '{"actor":"holdfast","approval":"ap_01m81e354bpxq1ea94adgb7m86","at":"2026-11-22T10:51:08.142Z","data":{"channel":"C0APPROVALS","digest":"approved.1.f20c157eb164758798c740e1d7c31608a65dd4d79c2ada6d5318f422488455c9","revision":2,"state":"approved","ts":"1795344668.037000"},"grant":"agent","server":"tools","tool":"burst","type":"card.updated"}', 'card.updated', '2026-11-22 10:51:08.142+00', 'ap_01m81e354bpxq1ea94adgb7m86', 'tools', 'burst', 'agent', 'holdfast', 28, '1492ec7b52e804e34f937bed9fbf380982e8f98edd5cbb0b2d4991620b7f51ef');
INSERT INTO holdfast.events OVERRIDING SYSTEM VALUE VALUES (26, '{"actor":"slack:U0MIRA","approval":"ap_01m81e354bpxq1ea94adgb7m86","at":"2026-11-22T10:51:08.078Z","data":{"choice":"approve","fingerprint":"f0fa37d3d2b765797ef7f5886cdfcf319a86b65b8221f0cb72ab81fcc19d9836","quorum":1,"reason":null,"self":false,"state":"approved","userGroup":null,"via":"slack"},"grant":"agent","server":"tools","tool":"burst","type":"approval.decided"}', 'approval.decided', '2026-11-22 10:51:08.078+00', 'ap_01m81e354bpxq1ea94adgb7m86', 'tools', 'burst', 'agent', 'slack:U0MIRA', 26, 'cb00cb6a5e168a50b881f133eacb0ad98abbf995068acc702b946f9b0176f5a6');
INSERT INTO holdfast.events OVERRIDING SYSTEM VALUE VALUES (27, '{"actor":"holdfast","approval":"ap_01m81e354bpxq1ea94adgb7m86","at":"2026-11-22T10:51:08.112Z","data":{"fingerprint":"f0fa37d3d2b765797ef7f5886cdfcf319a86b65b8221f0cb72ab81fcc19d9836","joiner":"jo_01m81e354bxt8xpaqag6fg0kev","limits":["bursts"],"policy":"19e526af863786f59a546cf223c31ffe039e1f6b61076b859cc21caa807dc105","rule":"burst"},"grant":"agent","server":"tools","tool":"burst","type":"call.dispatched"}', 'call.dispatched', '2026-11-22 10:51:08.112+00', 'ap_01m81e354bpxq1ea94adgb7m86', 'tools', 'burst', 'agent', 'holdfast', 27, 'f79ce39e24ef29dfd4e19b033e612bd2252fb2f25ebd7be9ae5e9cec6cabc926');
INSERT INTO holdfast.events OVERRIDING SYSTEM VALUE VALUES (29, '{"actor":"holdfast","approval":"ap_01m81e354bpxq1ea94adgb7m86","at":"2026-11-22T10:51:08.178Z","data":{"bytes":77,"fingerprint":"f0fa37d3d2b765797ef7f5886cdfcf319a86b65b8221f0cb72ab81fcc19d9836"},"grant":"agent","server":"tools","tool":"burst","type":"call.succeeded"}', 'call.succeeded', '2026-11-22 10:51:08.178+00', 'ap_01m81e354bpxq1ea94adgb7m86', 'tools', 'burst', 'agent', 'holdfast', 29, 'efa70d1f1bcc728e319ccdb5dcb0d22e5eeedf1c82997a6f7ff1b61d0bdf1474');
INSERT INTO holdfast.events OVERRIDING SYSTEM VALUE VALUES (30, '{"actor":"grant:agent","approval":"ap_01m81e354bpxq1ea94adgb7m86","at":"2026-11-22T10:51:08.216Z","data":{"joiner":"jo_01m81e354bxt8xpaqag6fg0kev","state":"succeeded","votes":1},"grant":"agent","server":"tools","tool":"burst","type":"approval.collected"}', 'approval.collected', '2026-11-22 10:51:08.216+00', 'ap_01m81e354bpxq1ea94adgb7m86', 'tools', 'burst', 'agent', 'grant:agent', 30, '849ae1bcd9723503a44efeffde0ce6c954e88e7b1216ed4d972d5be57b04d63c');
INSERT INTO holdfast.events OVERRIDING SYSTEM VALUE VALUES (31, '{"actor":"holdfast","approval":"ap_01m81e354bpxq1ea94adgb7m86","at":"2026-11-22T10:51:08.247Z","data":{"channel":"C0APPROVALS","digest":"succeeded.1.acccc5578f5ff111aa96dfc0b0081c9109c9a714c92c9c857bd0ffe8cd626331","revision":4,"state":"succeeded","ts":"1795344668.037000"},"grant":"agent","server":"tools","tool":"burst","type":"card.updated"}', 'card.updated', '2026-11-22 10:51:08.247+00', 'ap_01m81e354bpxq1ea94adgb7m86', 'tools', 'burst', 'agent', 'holdfast', 31, '2e140d89f82dff999f4bae763c6b6fed445ddd00b7f4b5409b63b90443fd5ddb');

INSERT INTO holdfast.joiners VALUES ('jo_01m81e2xpgw9wb4bj6188cc2x8', 'ap_01m81e2xpg60xjjj3v88s7ryhd', '49f7a25cafb4db11628d2ef406f77053c8c36afe187d54c5ae030c561a93e2a7', '1', NULL, '2026-11-22 10:51:00.176+00', NULL, NULL);
INSERT INTO holdfast.joiners VALUES ('jo_01m81e2yre9vprjpkvcyx1e8rf', 'ap_01m81e2yrenp52twkygrghhr4v', '49f7a25cafb4db11628d2ef406f77053c8c36afe187d54c5ae030c561a93e2a7', '2', NULL, '2026-11-22 10:51:01.262+00', NULL, NULL);
INSERT INTO holdfast.joiners VALUES ('jo_01m81e2zxfmrzyravbm74z6mkf', 'ap_01m81e2zxfyr685drwetp0kzeg', '49f7a25cafb4db11628d2ef406f77053c8c36afe187d54c5ae030c561a93e2a7', '3', NULL, '2026-11-22 10:51:02.447+00', NULL, NULL);
INSERT INTO holdfast.joiners VALUES ('jo_01m81e31djewwwt4fc94043ync', 'ap_01m81e3172xn3x8tzem3crzc62', 'c3fd70e2e792a00521387c2bf84024bdd29f840002609459ab22940a11f62ace', '1', NULL, '2026-11-22 10:51:03.986+00', NULL, NULL);
INSERT INTO holdfast.joiners VALUES ('jo_01m81e3172m6gpj12xpacrz2qe', 'ap_01m81e3172xn3x8tzem3crzc62', '49f7a25cafb4db11628d2ef406f77053c8c36afe187d54c5ae030c561a93e2a7', '4', 'vm-24973-339aee41', '2026-11-22 10:51:03.778+00', '2026-11-22 10:51:07.735+00', NULL);
INSERT INTO holdfast.joiners VALUES ('jo_01m81e354bxt8xpaqag6fg0kev', 'ap_01m81e354bpxq1ea94adgb7m86', '49f7a25cafb4db11628d2ef406f77053c8c36afe187d54c5ae030c561a93e2a7', '5', 'vm-24973-339aee41', '2026-11-22 10:51:07.787+00', '2026-11-22 10:51:08.216+00', NULL);

INSERT INTO holdfast.kysely_migration VALUES ('0001-foundation', '2026-11-22T10:51:00.006Z');

INSERT INTO holdfast.kysely_migration_lock VALUES ('migration_lock', 0);

INSERT INTO holdfast.replicas VALUES ('vm-24973-339aee41', '2026-11-22 10:51:08.329198+00');

INSERT INTO holdfast.sessions VALUES ('49f7a25cafb4db11628d2ef406f77053c8c36afe187d54c5ae030c561a93e2a7', 'tools', 'agent', '2026-11-22 10:51:00.151978+00');
INSERT INTO holdfast.sessions VALUES ('c3fd70e2e792a00521387c2bf84024bdd29f840002609459ab22940a11f62ace', 'tools', 'agent', '2026-11-22 10:51:03.90241+00');

SELECT pg_catalog.setval('holdfast.events_n_seq', 32, true);

ALTER TABLE ONLY holdfast.approvals
    ADD CONSTRAINT approvals_pkey PRIMARY KEY (id);

ALTER TABLE ONLY holdfast.cards
    ADD CONSTRAINT cards_pkey PRIMARY KEY (approval_id);

ALTER TABLE ONLY holdfast.checkpoints
    ADD CONSTRAINT checkpoints_pkey PRIMARY KEY (seq);

ALTER TABLE ONLY holdfast.counters
    ADD CONSTRAINT counters_pkey PRIMARY KEY (key, window_start);

ALTER TABLE ONLY holdfast.decisions
    ADD CONSTRAINT decisions_pkey PRIMARY KEY (approval_id, approver);

ALTER TABLE ONLY holdfast.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (n);

ALTER TABLE ONLY holdfast.events
    ADD CONSTRAINT events_seq_key UNIQUE (seq);

ALTER TABLE ONLY holdfast.joiners
    ADD CONSTRAINT joiners_pkey PRIMARY KEY (id);

ALTER TABLE ONLY holdfast.kysely_migration_lock
    ADD CONSTRAINT kysely_migration_lock_pkey PRIMARY KEY (id);

ALTER TABLE ONLY holdfast.kysely_migration
    ADD CONSTRAINT kysely_migration_pkey PRIMARY KEY (name);

ALTER TABLE ONLY holdfast.replicas
    ADD CONSTRAINT replicas_pkey PRIMARY KEY (id);

ALTER TABLE ONLY holdfast.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id, server);

CREATE INDEX approvals_fingerprint ON holdfast.approvals USING btree (fingerprint, created_at DESC);

CREATE INDEX approvals_grant_pending ON holdfast.approvals USING btree (grant_name) WHERE (state = 'pending'::text);

CREATE INDEX approvals_kept ON holdfast.approvals USING btree (result_until) WHERE (result IS NOT NULL);

CREATE UNIQUE INDEX approvals_live ON holdfast.approvals USING btree (fingerprint) WHERE (state = ANY (ARRAY['pending'::text, 'approved'::text, 'dispatched'::text]));

CREATE INDEX approvals_open ON holdfast.approvals USING btree (state, id) WHERE (state = ANY (ARRAY['pending'::text, 'approved'::text, 'dispatched'::text]));

CREATE INDEX approvals_stale ON holdfast.approvals USING btree (id) WHERE (shown < revision);

CREATE INDEX approvals_state_newest ON holdfast.approvals USING btree (state, id DESC);

CREATE INDEX counters_end ON holdfast.counters USING btree (window_end);

CREATE INDEX events_approval ON holdfast.events USING btree (approval_id, n) WHERE (approval_id IS NOT NULL);

CREATE INDEX events_unsealed ON holdfast.events USING btree (n) WHERE (seq IS NULL);

CREATE INDEX joiners_open ON holdfast.joiners USING btree (approval_id) WHERE ((collected_at IS NULL) AND (left_at IS NULL));

CREATE INDEX joiners_session ON holdfast.joiners USING btree (session, request_id) WHERE ((collected_at IS NULL) AND (left_at IS NULL) AND (session IS NOT NULL));

ALTER TABLE ONLY holdfast.cards
    ADD CONSTRAINT cards_approval_id_fkey FOREIGN KEY (approval_id) REFERENCES holdfast.approvals(id) ON DELETE CASCADE;

ALTER TABLE ONLY holdfast.decisions
    ADD CONSTRAINT decisions_approval_id_fkey FOREIGN KEY (approval_id) REFERENCES holdfast.approvals(id) ON DELETE CASCADE;

ALTER TABLE ONLY holdfast.joiners
    ADD CONSTRAINT joiners_approval_id_fkey FOREIGN KEY (approval_id) REFERENCES holdfast.approvals(id) ON DELETE CASCADE;

