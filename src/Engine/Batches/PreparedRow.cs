using FineTuneTool.Engine.Data;
using FineTuneTool.Engine.Data.Cleaning;
using FineTuneTool.Engine.Diagnostics;

namespace FineTuneTool.Engine.Batches;

/// <summary>A row as far as one thread can bring it without knowing the others.</summary>
/// <param name="Place">The file, by the name that the project gives it, and the line.</param>
/// <param name="Facts">Null where the row could not be read.</param>
/// <param name="Tokens">Null where the row is to be left out, could not be read or failed.</param>
/// <param name="Failure">What is wrong with the row; counts only where it would stay.</param>
internal sealed record PreparedRow(DataSource Source, SourcePosition Place, RowFacts? Facts, TokenizedRow? Tokens, FineTuneException? Failure);
