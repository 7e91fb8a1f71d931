select 1; -- x
select E'a\'' 
'b;' ; select $a$;$a$;