-- Who may do what in the central database (PostgreSQL 14 or newer). Run by the tables' owner, after
-- the tables are made; may be run again.
--
-- Two group roles, neither of which can sign in: sites are members of omokage_site, readers of
-- omokage_reader. A site sees and adds its own rows alone. Of what it added it can change nothing
-- but deadlines, and those only towards today. What it adds mustn't end in the future, by the
-- server's clock and with a day's leave, nor be kept for longer than the owner has said.

SET search_path = public, pg_temp;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

DO $$ BEGIN CREATE ROLE omokage_site NOLOGIN;
EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE omokage_reader NOLOGIN;
EXCEPTION WHEN duplicate_object THEN NULL; END $$;

ALTER TABLE site ENABLE ROW LEVEL SECURITY;
ALTER TABLE cell ENABLE ROW LEVEL SECURITY;
ALTER TABLE number ENABLE ROW LEVEL SECURITY;
ALTER TABLE day ENABLE ROW LEVEL SECURITY;
ALTER TABLE day_number ENABLE ROW LEVEL SECURITY;

DROP POLICY IF EXISTS own_site ON site;
CREATE POLICY own_site ON site TO omokage_site
    USING (role = current_user) WITH CHECK (role = current_user);
DROP POLICY IF EXISTS own_site ON cell;
CREATE POLICY own_site ON cell TO omokage_site
    USING (site IN (SELECT name FROM site WHERE role = current_user))
    WITH CHECK (site IN (SELECT name FROM site WHERE role = current_user)
        AND bucket_start + bucket_seconds <= extract(epoch FROM now()) + 86400
        AND delete_by <= bucket_start + bucket_seconds +
            (SELECT meta.number FROM meta WHERE meta.name = 'longest'));
DROP POLICY IF EXISTS own_site ON number;
CREATE POLICY own_site ON number TO omokage_site
    USING (site IN (SELECT name FROM site WHERE role = current_user))
    WITH CHECK (site IN (SELECT name FROM site WHERE role = current_user));
DROP POLICY IF EXISTS own_site ON day;
CREATE POLICY own_site ON day TO omokage_site
    USING (site IN (SELECT name FROM site WHERE role = current_user))
    WITH CHECK (site IN (SELECT name FROM site WHERE role = current_user)
        AND start + seconds <= extract(epoch FROM now()) + 86400
        AND delete_by <= start + seconds +
            (SELECT meta.number FROM meta WHERE meta.name = 'longest'));
DROP POLICY IF EXISTS own_site ON day_number;
CREATE POLICY own_site ON day_number TO omokage_site
    USING (site IN (SELECT name FROM site WHERE role = current_user))
    WITH CHECK (site IN (SELECT name FROM site WHERE role = current_user));

DROP POLICY IF EXISTS every_site ON site;
CREATE POLICY every_site ON site FOR SELECT TO omokage_reader USING (true);
DROP POLICY IF EXISTS every_site ON cell;
CREATE POLICY every_site ON cell FOR SELECT TO omokage_reader USING (true);
DROP POLICY IF EXISTS every_site ON number;
CREATE POLICY every_site ON number FOR SELECT TO omokage_reader USING (true);
DROP POLICY IF EXISTS every_site ON day;
CREATE POLICY every_site ON day FOR SELECT TO omokage_reader USING (true);
DROP POLICY IF EXISTS every_site ON day_number;
CREATE POLICY every_site ON day_number FOR SELECT TO omokage_reader USING (true);

GRANT SELECT ON meta, site, cell, number, day, day_number TO omokage_site, omokage_reader;
GRANT INSERT ON cell, number, day, day_number TO omokage_site;
GRANT UPDATE (delete_by) ON cell, day TO omokage_site;
GRANT UPDATE (title, timezone, seen_at) ON site TO omokage_site;

CREATE OR REPLACE FUNCTION omokage_only_nearer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.delete_by > OLD.delete_by THEN
        RAISE EXCEPTION 'a deadline only ever comes nearer';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER cell_only_nearer BEFORE UPDATE ON cell
    FOR EACH ROW EXECUTE FUNCTION omokage_only_nearer();
CREATE OR REPLACE TRIGGER day_only_nearer BEFORE UPDATE ON day
    FOR EACH ROW EXECUTE FUNCTION omokage_only_nearer();

-- With the owner's rights, so that also a site that fell silent loses what is due; and by the
-- server's clock, so that nobody's wrong clock deletes what is another's. Whoever calls it must not
-- slip own code under those rights: temporary tables (with their triggers) come last in the search,
-- and both sides of each comparison have the same type, for which the system's operator comes first.
CREATE OR REPLACE FUNCTION omokage_purge() RETURNS bigint LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE cells bigint; days bigint; instant bigint := floor(extract(epoch FROM now()))::bigint;
BEGIN
    DELETE FROM public.cell WHERE delete_by <= instant;
    GET DIAGNOSTICS cells = ROW_COUNT;
    DELETE FROM public.day WHERE delete_by <= instant;
    GET DIAGNOSTICS days = ROW_COUNT;
    RETURN cells + days;
END $$;
REVOKE ALL ON FUNCTION omokage_purge() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION omokage_purge() TO omokage_site, omokage_reader;
