namespace FineTuneTool.Engine.Diagnostics;

public static partial class Codes
{
    public static readonly DiagnosticCode DataFileMissing = new("FT0101", "A data file does not exist");
    public static readonly DiagnosticCode MalformedJson = new("FT0102", "A line of a data file is not valid JSON");
    public static readonly DiagnosticCode UnknownColumns = new("FT0103", "The columns of a row fit no known format");
    public static readonly DiagnosticCode NothingSupervised = new("FT0104", "A row has no trainable token");
    public static readonly DiagnosticCode RowTooLong = new("FT0105", "A row is longer than MaxSeqLength");
    public static readonly DiagnosticCode EmptySplit = new("FT0106", "A split of the data is empty");
    public static readonly DiagnosticCode BadTokenizedDataset = new("FT0107", "A tokenised data set is malformed");
    public static readonly DiagnosticCode UnknownDataType = new("FT0108", "A data file is of a type that cannot be read");
    public static readonly DiagnosticCode IdOutsideVocabulary = new("FT0109", "A token id of the data is outside the vocabulary");
    public static readonly DiagnosticCode MalformedText = new("FT0110", "A CSV or text file is malformed");
    public static readonly DiagnosticCode RepeatedRow = new("FT0112", "Rows stand in more than one part of the data");
    public static readonly DiagnosticCode BadParquet = new("FT0111", "A Parquet file is malformed or cannot be read");

    private static IReadOnlyList<DiagnosticCode> Data =>
    [
        DataFileMissing, MalformedJson, UnknownColumns, NothingSupervised, RowTooLong, EmptySplit, BadTokenizedDataset, UnknownDataType,
        IdOutsideVocabulary, MalformedText, BadParquet, RepeatedRow,
    ];
}
