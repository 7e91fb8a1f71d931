-- Undoes 0009. Schedules stay as they are and wait.

DROP FUNCTION IF EXISTS public.process_scheduled_publishes_optimized();
DROP FUNCTION IF EXISTS public.process_scheduled_publishes();
