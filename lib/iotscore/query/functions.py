"""The SQL functions that a statement may call: those that compute from their arguments alone.

A function is refused unless it stands here, so one that a later Spark brings is refused until
somebody has read what it does. Not here are those that run code (``reflect``), open what their
arguments name (all of XML, Avro and Protobuf: schemas, external entities), or tell of the machine
and its accounts instead of the data (``current_user``, ``input_file_name``).
"""

from __future__ import annotations

from typing import Final

COMPUTING: Final = frozenset(
    """
    ! % & * + - / < << <= <=> = == > >= >> >>> ^ and between div ilike in like not or regexp rlike
    when | ~

    abs acos acosh asin asinh atan atan2 atanh bin bit_count bit_get bround cbrt ceil ceiling conv
    cos cosh cot csc degrees e exp expm1 factorial floor getbit greatest hex hypot least ln log
    log10 log1p log2 mod negative pi pmod positive pow power radians rand randn random rint round
    sec shiftleft shiftright shiftrightunsigned sign signum sin sinh sqrt tan tanh try_add
    try_divide try_mod try_multiply try_subtract unhex uniform width_bucket vector_avg
    vector_cosine_similarity vector_inner_product vector_l2_distance vector_norm vector_normalize
    vector_sum

    aes_decrypt aes_encrypt ascii base64 bit_length btrim char char_length character_length chr
    collate collation concat concat_ws contains crc32 decode elt encode endswith find_in_set
    format_number format_string hash initcap instr is_valid_utf8 lcase left len length levenshtein
    locate lower lpad ltrim luhn_check make_valid_utf8 mask md5 octet_length overlay parse_url
    position printf quote randstr regexp_count regexp_extract regexp_extract_all regexp_instr
    regexp_like regexp_replace regexp_substr repeat replace reverse right rpad rtrim sentences sha
    sha1 sha2 soundex space split split_part startswith str_to_map substr substring
    substring_index to_binary to_char to_number to_varchar translate trim try_aes_decrypt
    try_parse_url try_to_binary try_to_number try_url_decode try_validate_utf8 ucase unbase64 upper
    url_decode url_encode validate_utf8 xxhash64

    add_months convert_timezone curdate current_date current_time current_timestamp
    current_timezone date_add date_diff date_format date_from_unix_date date_part date_sub
    date_trunc dateadd datediff datepart day dayname dayofmonth dayofweek dayofyear extract
    from_unixtime from_utc_timestamp hour last_day localtimestamp make_date make_dt_interval
    make_interval make_time make_timestamp make_timestamp_ltz make_timestamp_ntz make_ym_interval
    minute month monthname months_between next_day now quarter second session_window time_bucket
    time_diff time_from_micros time_from_millis time_from_seconds time_to_micros time_to_millis
    time_to_seconds time_trunc timestamp_micros timestamp_millis timestamp_seconds to_date to_time
    to_timestamp to_timestamp_ltz to_timestamp_ntz to_unix_timestamp to_utc_timestamp trunc
    try_make_interval try_make_timestamp try_make_timestamp_ltz try_make_timestamp_ntz try_to_date
    try_to_time try_to_timestamp unix_date unix_micros unix_millis unix_seconds unix_timestamp
    weekday weekofyear window window_time year

    assert_true bigint binary boolean cast coalesce date decimal double equal_null float if ifnull
    int isnan isnotnull isnull nanvl nullif nullifzero nvl nvl2 raise_error smallint string time
    timestamp tinyint typeof version zeroifnull

    aggregate array array_append array_compact array_contains array_distinct array_except
    array_insert array_intersect array_join array_max array_min array_position array_prepend
    array_remove array_repeat array_size array_sort array_union arrays_overlap arrays_zip
    cardinality element_at exists explode explode_outer filter flatten forall from_csv from_json
    get get_json_object inline inline_outer is_valid_variant is_variant_null json_array_length
    json_object_keys json_tuple map map_concat map_contains_key map_entries map_filter
    map_from_arrays map_from_entries map_keys map_values map_zip_with named_struct parse_json
    posexplode posexplode_outer reduce schema_of_csv schema_of_json schema_of_variant sequence
    shuffle size slice sort_array stack struct to_csv to_json to_variant_object transform
    transform_keys transform_values try_element_at try_parse_json try_variant_get variant_get
    zip_with

    cume_dist dense_rank lag lead monotonically_increasing_id nth_value ntile percent_rank rank
    row_number spark_partition_id uuid

    any any_value approx_count_distinct approx_percentile approx_top_k approx_top_k_accumulate
    approx_top_k_combine approx_top_k_estimate array_agg avg bit_and bit_or bit_xor bitmap_and_agg
    bitmap_bit_position bitmap_bucket_number bitmap_construct_agg bitmap_count bitmap_or_agg
    bool_and bool_or collect_list collect_set corr count count_if count_min_sketch covar_pop
    covar_samp every first first_value grouping grouping_id histogram_numeric kurtosis last
    last_value listagg max max_by mean measure median min min_by mode percentile percentile_approx
    percentile_cont percentile_disc regr_avgx regr_avgy regr_count regr_intercept regr_r2
    regr_slope regr_sxx regr_sxy regr_syy schema_of_variant_agg skewness some std stddev stddev_pop
    stddev_samp string_agg sum try_avg try_sum var_pop var_samp variance

    hll_sketch_agg hll_sketch_estimate hll_union hll_union_agg kll_merge_agg_bigint
    kll_merge_agg_double kll_merge_agg_float kll_sketch_agg_bigint kll_sketch_agg_double
    kll_sketch_agg_float kll_sketch_get_n_bigint kll_sketch_get_n_double kll_sketch_get_n_float
    kll_sketch_get_quantile_bigint kll_sketch_get_quantile_double kll_sketch_get_quantile_float
    kll_sketch_get_rank_bigint kll_sketch_get_rank_double kll_sketch_get_rank_float
    kll_sketch_merge_bigint kll_sketch_merge_double kll_sketch_merge_float
    kll_sketch_to_string_bigint kll_sketch_to_string_double kll_sketch_to_string_float
    theta_difference theta_intersection theta_intersection_agg theta_sketch_agg
    theta_sketch_estimate theta_union theta_union_agg tuple_difference_double
    tuple_difference_integer tuple_difference_theta_double tuple_difference_theta_integer
    tuple_intersection_agg_double tuple_intersection_agg_integer tuple_intersection_double
    tuple_intersection_integer tuple_intersection_theta_double tuple_intersection_theta_integer
    tuple_sketch_agg_double tuple_sketch_agg_integer tuple_sketch_estimate_double
    tuple_sketch_estimate_integer tuple_sketch_summary_double tuple_sketch_summary_integer
    tuple_sketch_theta_double tuple_sketch_theta_integer tuple_union_agg_double
    tuple_union_agg_integer tuple_union_double tuple_union_integer tuple_union_theta_double
    tuple_union_theta_integer
    """.split()  # noqa: SIM905 - one word per line would hide the list
)
"""Functions whose result depends on their arguments, the time and chance only: operators, numbers,
texts, times, conditions and casts, nested values, windows, aggregates, sketches."""

TABLE_FUNCTIONS: Final = frozenset(
    """
    collations explode explode_outer inline inline_outer json_tuple posexplode posexplode_outer
    range sql_keywords stack variant_explode variant_explode_outer
    """.split()  # noqa: SIM905 - one word per line would hide the list
)
"""Table functions that read no table; Delta's ``table_changes_by_path``, say, reads any folder."""

BUILTIN_PLACES: Final = frozenset({(), ("builtin",), ("system", "builtin")})
"""What may stand before a function's name; elsewhere a known name may mean somebody's own code."""
