namespace FineTuneTool.Engine.Tests.Jit;

/// <summary>What a processor would answer with an exception, and what code may not do though a processor would let it.</summary>
internal sealed class MachineFault(string message) : Exception(message);
