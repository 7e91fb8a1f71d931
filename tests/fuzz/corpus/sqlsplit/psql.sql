a;
\i other.sql