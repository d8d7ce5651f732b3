namespace FineTuneTool.Engine.Data.Cleaning;

/// <summary>Why rows are left out, as statistics and reports say it.</summary>
public static class DropReason
{
    public const string Empty = "empty field";
    public const string TooShort = "too short";
    public const string TooLong = "too long";
    public const string FewLetters = "too few letters";
    public const string Repetitive = "repetitive";
    public const string Broken = "broken characters";
    public const string Duplicate = "duplicate";
    public const string NearDuplicate = "near-duplicate";
    public const string BeyondMaxSeqLength = "longer than MaxSeqLength";
    public const string NothingToLearn = "nothing to learn";
    public const string NoWeight = "weight 0";
    public const string SampledOut = "left out by Weight";

    /// <summary>A row whose like is in another part already.</summary>
    public static string AlsoIn(Split split) => split == Split.Test ? "also in the test part" : split == Split.Validation ? "also in the validation part" : "also in the training part";
}
