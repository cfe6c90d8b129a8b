-- The tables of SuiteQL that the netsuite plugin reads. `transaction` is a word of SQLite's, so it is
-- `txn` here.
create table txn (id integer primary key, type text, tranid text, externalid text unique collate nocase, otherrefnum text, status text);
create table txnline (
    txn integer references txn, id integer, linesequencenumber integer, item integer, itemtype text, quantity real,
    quantityshiprecv real default 0, isclosed text default 'F', location integer, mainline text default 'F', taxline text default 'F',
    iscogs text default 'F', createdfrom integer
);
create table item (id integer primary key, itemid text unique, itemtype text, isfulfillable text);
create table trackingnumber (id integer primary key, trackingnumber text);
create table trackingnumbermap (txn integer references txn, trackingnumber integer references trackingnumber);
create table aggregateitemlocation (item integer, location integer, quantityonhand real, primary key (item, location));

insert into item values
    (40, 'TEE-BLU-M', 'InvtPart', null), (41, 'PANT-NVY-L', 'InvtPart', null), (42, 'SOCK-RED-S', 'InvtPart', null),
    (90, 'GIFT-WRAP', 'Service', null);
insert into aggregateitemlocation values (40, 6, 100), (41, 6, 100), (40, 9, 7);
